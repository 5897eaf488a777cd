"""From image to house numbers: pyramid, score map, fusion, refiner, hysteresis, numbers."""
