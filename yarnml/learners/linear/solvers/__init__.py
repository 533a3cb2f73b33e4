"""Solvers for full passes: ``base.py`` is the protocol, every other module here one solver or its parts."""
