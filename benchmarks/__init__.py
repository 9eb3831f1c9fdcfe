"""Commands that print what is claimed: run them as `python -m benchmarks.NAME`."""
