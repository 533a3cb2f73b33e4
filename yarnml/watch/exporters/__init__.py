"""The ways in which other programs hear of a running job: one module each."""
