"""Read ahead: prepare the next item on a second thread while this one is used."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Key = TypeVar("Key")
Item = TypeVar("Item")


def ahead(make: Callable[[Key], Item], keys: Iterable[Key]) -> Iterator[tuple[Key, Item]]:
    """``(key, make(key))`` for every key in order, one item ahead; an exception comes out where its item is due."""
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        pending = None
        for key in keys:
            coming = key, pool.submit(make, key)
            if pending:
                yield pending[0], pending[1].result()
            pending = coming
        if pending:
            yield pending[0], pending[1].result()
