"""What each command of `digit-detector` takes: one module for each, with its help."""
