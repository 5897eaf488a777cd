"""The front door: a reader that is called with an image of any form, here or behind a server; found in `detector`."""
