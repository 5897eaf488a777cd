"""Teachers: networks too large to be shipped, which tell the detector's own what they see."""
