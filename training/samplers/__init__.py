"""Training samples: patches and windows cut, augmented and given targets."""
