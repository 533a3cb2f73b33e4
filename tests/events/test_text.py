"""Counts and columns as a person reads them."""

import pytest

from yarnml.events.text import columns, count_of


@pytest.mark.parametrize(("number", "words"), [(0, "0 workers"), (1, "1 worker"), (2, "2 workers")])
def test_only_one_is_singular(number: int, words: str) -> None:
    """One thing has no s."""
    assert count_of(number, "worker") == words


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    """Cells begin below one another; a line does not end in spaces; no rows are no text."""
    assert columns([["role", "index"], ["worker", "0"], ["reducer", ""]]) == "role     index\nworker   0\nreducer"
    assert columns([]) == ""
