"""Reading ahead: the same items in the same order, a bounded number early, errors in their item's place."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yarnml.data.prefetch import MAX_READY_BYTES, MAX_READY_ITEMS, prefetch


@given(st.lists(st.integers(), max_size=40))
def test_every_item_in_order(keys: list[int]) -> None:
    """Each key comes with its own item, once, in the order of the keys."""
    assert list(prefetch(lambda key: key * 2, keys)) == [(key, key * 2) for key in keys]


@pytest.mark.parametrize(
    ("size", "max_early"), [(0, MAX_READY_ITEMS), (MAX_READY_BYTES // 4, 4), (2 * MAX_READY_BYTES, 1)]
)
def test_few_are_held(size: int, max_early: int) -> None:
    """However many keys there are, so many items are prepared early as fit, at least one."""
    made: list[int] = []
    for key, _ in prefetch(lambda key: made.append(key), range(10 * MAX_READY_ITEMS), lambda item: size):
        if key % MAX_READY_ITEMS == 0:
            time.sleep(0.01)  # time to make too many
        assert len(made) <= key + 1 + max_early
    assert len(made) == 10 * MAX_READY_ITEMS


def test_items_are_made_on_another_thread() -> None:
    """The user of the items does not wait for their making."""
    user = threading.get_ident()
    assert all(thread != user for _, thread in prefetch(lambda key: threading.get_ident(), range(5)))


def test_the_first_item_does_not_wait_for_the_next() -> None:
    """An item is there as soon as it is made."""
    used = threading.Event()

    def make(key: int) -> bool:
        return key == 0 or used.wait(10)

    for key, made in prefetch(make, range(3)):
        used.set()
        assert made, f"item {key} was waited for while the one before could have been used"


def test_an_error_comes_out_in_its_place() -> None:
    """An item that can't be made raises its own error, after every item before it."""

    def make(key: int) -> int:
        if key == MAX_READY_ITEMS + 3:
            raise ValueError("this one")
        return key

    items = prefetch(make, range(3 * MAX_READY_ITEMS))
    assert [next(items)[0] for _ in range(MAX_READY_ITEMS + 3)] == list(range(MAX_READY_ITEMS + 3))
    with pytest.raises(ValueError, match="this one"):
        next(items)


def test_who_stops_early_leaves_no_thread() -> None:
    """Items that nobody wants any more are not made."""
    made: list[int] = []
    items = prefetch(lambda key: made.append(key), range(100 * MAX_READY_ITEMS))
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert len(made) <= MAX_READY_ITEMS + 1
    assert not any(thread.name == "read-ahead" for thread in threading.enumerate())
