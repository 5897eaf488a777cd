"""The server: from the port to the detector and back."""
