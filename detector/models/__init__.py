"""A model: its files, its networks, and the backends that compute them."""
