"""Messages, statuses and handlers of gRPC, and the package's own types."""
