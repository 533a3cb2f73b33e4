"""The cases of a law that `make test` has, and those that are left to `make test-breadth`."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def cases(values: Iterable[object], basic: Collection[object]) -> list[Any]:
    """Every value as a case of a parametrised test.

    ``basic``: values that are enough to hold the law; the others are marked ``breadth``.
    """
    return [value if value in basic else pytest.param(value, marks=pytest.mark.breadth) for value in values]
