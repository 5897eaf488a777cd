"""`digit-detector-train compare`: several models on the same pictures, and what differs between them."""
