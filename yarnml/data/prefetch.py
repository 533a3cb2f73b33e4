"""Read ahead: prepare the next items on a second thread while these are used."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

Key = TypeVar("Key")
Item = TypeVar("Item")

ITEMS = 16  # that are prepared early, at most
BYTES = 8 * 2**20  # of them, but for one item: more would leave the processor's caches before they are used


def _nothing(item: Any) -> int:
    return 0


def prefetch(
    make: Callable[[Key], Item], keys: Iterable[Key], size: Callable[[Item], int] = _nothing, items: int = ITEMS
) -> Iterator[tuple[Key, Item]]:
    """``(key, make(key))`` for every key in order; an exception comes out in its item's place.

    At most ``items`` are prepared early, of ``BYTES`` together as ``size`` tells them, or one that is larger.
    """
    shelf = _Shelf[tuple[Key, Item]](items, lambda pair: size(pair[1]))
    thread = threading.Thread(target=shelf.fill, args=(((k, make(k)) for k in keys),), name="read-ahead", daemon=True)
    thread.start()
    try:
        while (pair := shelf.take()) is not None:
            yield pair
    finally:
        shelf.close()
        thread.join()


class _Shelf(Generic[Item]):
    """Items between two threads.  Who fills it rests from the bound on until half is used: waking it costs time."""

    def __init__(self, items: int, size: Callable[[Item], int]) -> None:
        self._items, self._size = items, size
        self._changed = threading.Condition()
        self._ready: deque[tuple[Item, int]] = deque()
        self._bytes, self._ended = 0, False
        self._error: BaseException | None = None

    def fill(self, items: Iterator[Item]) -> None:
        """Put all of them here; where one can't be had, what happened."""
        try:
            for item in items:
                if not self._put(item, self._size(item)):
                    return
        except BaseException as exc:  # it is raised where the item is asked for
            self._error = exc
        finally:
            self.close()

    def _put(self, item: Item, size: int) -> bool:
        with self._changed:
            self._ready.append((item, size))
            self._bytes += size
            self._changed.notify()
            if len(self._ready) >= self._items or self._bytes >= BYTES:
                self._changed.wait_for(lambda: self._ended or self._half_used)
            return not self._ended

    @property
    def _half_used(self) -> bool:
        return 2 * len(self._ready) <= self._items and 2 * self._bytes <= BYTES

    def take(self) -> Item | None:
        """The next one, or None after the last; raises what kept it from being made."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended)
            if not self._ready:
                if self._error:
                    raise self._error
                return None
            item, size = self._ready.popleft()
            self._bytes -= size
            if self._half_used:
                self._changed.notify()
            return item

    def close(self) -> None:
        """No more items come, or are wanted."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
