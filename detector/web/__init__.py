"""A page to try the detector on one's own pictures, in a browser on this machine or on a phone."""
