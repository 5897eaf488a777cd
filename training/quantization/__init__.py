"""Networks in int8: their calibration, and its command."""
