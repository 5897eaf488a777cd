"""gRPC interceptors: who may call, how many, and with what."""
