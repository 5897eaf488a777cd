"""`digit-detector-train calibrate`: what a model's scores mean, and which of them count, chosen on validation data."""
