"""Training from a frame in memory: its rows are written once, and the rest is the same engine."""
