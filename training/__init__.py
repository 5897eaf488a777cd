"""Training and measuring of the digit detector and of its baselines; knows `detector`, never its serving."""
