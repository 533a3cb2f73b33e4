"""Programs of these tests are compiled quickly."""

from tests.compiling import quick_compiling

__all__ = ["quick_compiling"]
