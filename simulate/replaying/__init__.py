"""Whether replay tells the truth, and how fast: `make bench-replay`."""
