"""`digit-detector-train evaluate`: every figure of a detector, and the pictures beside them."""
