"""Preparation of columns before they are numbers: one module a kind, protocol in `base`."""
