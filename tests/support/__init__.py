"""What tests and benchmarks stand on: a scripted model server."""
