"""The machine beneath: files written whole, work prefetched in threads, a cluster's address."""
