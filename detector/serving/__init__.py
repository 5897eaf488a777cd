"""The detector behind gRPC: the server, and the client that is used like the detector itself."""
