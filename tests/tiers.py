"""The cases of a law that `make test` has, and those that are left to `make test-breadth`."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def cases(names: Iterable[str], basic: Collection[str]) -> list[Any]:
    """Every name as a case of a parametrised test.

    ``basic``: names that are enough to hold the law; the others are marked ``breadth``.
    """
    return [name if name in basic else pytest.param(name, marks=pytest.mark.breadth) for name in names]
