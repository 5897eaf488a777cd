"""The training of the refiner."""
