"""Solvers for full passes: ``passes.py`` is the protocol, every other module here one solver or its parts."""
