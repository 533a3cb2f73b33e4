"""Metrics of an evaluation, from sums over all rows."""
