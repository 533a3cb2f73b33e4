"""Reading ahead: the same items in the same order, a bounded number early, errors where their group begins."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yarnml.data.ahead import ITEMS, ahead


@given(st.lists(st.integers(), max_size=40))
def test_every_item_in_order(keys: list[int]) -> None:
    """Each key comes with its own item, once, in the order of the keys."""
    assert list(ahead(lambda key: key * 2, keys)) == [(key, key * 2) for key in keys]


def test_no_more_than_two_groups_are_held() -> None:
    """However many keys there are, only the group in use and the next one are prepared."""
    made: list[int] = []
    for key, _ in ahead(lambda key: made.append(key), range(100 * ITEMS)):
        assert len(made) <= (key // ITEMS + 2) * ITEMS
    assert len(made) == 100 * ITEMS


def test_items_are_made_on_another_thread() -> None:
    """The user of the items does not wait for their making."""
    here = threading.get_ident()
    assert all(thread != here for _, thread in ahead(lambda key: threading.get_ident(), range(5)))


def test_an_error_comes_out_before_its_group() -> None:
    """An item that can't be made raises its own error, after every item of the groups before."""

    def make(key: int) -> int:
        if key == ITEMS + 3:
            raise ValueError("this one")
        return key

    items = ahead(make, range(3 * ITEMS))
    assert [next(items)[0] for _ in range(ITEMS)] == list(range(ITEMS))
    with pytest.raises(ValueError, match="this one"):
        next(items)
