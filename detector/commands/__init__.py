"""What each command of `digit-detector` does: each makes one call below and says what came of it."""
