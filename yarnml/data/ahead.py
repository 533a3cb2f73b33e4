"""Read ahead: prepare the next items on a second thread while these are used."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Key = TypeVar("Key")
Item = TypeVar("Item")

ITEMS = 8  # prepared at a time: waking a thread costs more than a small item


def ahead(make: Callable[[Key], Item], keys: Iterable[Key]) -> Iterator[tuple[Key, Item]]:
    """``(key, make(key))`` for every key in order; an exception comes out where its group of ITEMS begins."""
    rest = iter(keys)

    def prepare(group: list[Key]) -> list[tuple[Key, Item]]:
        return [(key, make(key)) for key in group]

    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        pending: Future[list[tuple[Key, Item]]] | None = None
        while group := list(islice(rest, ITEMS)):
            coming = pool.submit(prepare, group)
            if pending:
                yield from pending.result()
            pending = coming
        if pending:
            yield from pending.result()
