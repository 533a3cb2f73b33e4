"""Fits compile quickly."""

from tests.compiling import quick_compiling

__all__ = ["quick_compiling"]
