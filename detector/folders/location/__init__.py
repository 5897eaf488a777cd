"""Where and when the pictures of a folder job were taken, and what becomes of that: tracks, sightings, maps."""
