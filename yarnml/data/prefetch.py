"""Prepare the next items on a second thread while the earlier ones are used."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Generic, TypeVar

Key = TypeVar("Key")
Item = TypeVar("Item")

MAX_READY_ITEMS = 16

MAX_READY_BYTES = 8 * 2**20
"""Of all items that are ready, but for one: more would leave the processor's caches before they are used."""


def _no_size(item: Any) -> int:
    return 0


def prefetch(
    make: Callable[[Key], Item],
    keys: Iterable[Key],
    size: Callable[[Item], int] = _no_size,
    max_items: int = MAX_READY_ITEMS,
) -> Generator[tuple[Key, Item], None, None]:
    """``(key, make(key))`` for every key in order; an exception comes out in its item's place.

    ``size``: the bytes of an item.
    ``max_items``: prepared early at most, of `MAX_READY_BYTES` together, or one that is larger.
    """
    queue = _BoundedQueue[tuple[Key, Item]](max_items, lambda pair: size(pair[1]))
    thread = threading.Thread(target=queue.fill, args=(((k, make(k)) for k in keys),), name="read-ahead", daemon=True)
    thread.start()
    try:
        while (pair := queue.take()) is not None:
            yield pair
    finally:
        queue.close()
        thread.join()


class _BoundedQueue(Generic[Item]):
    """Items between two threads: the producer fills, the consumer takes.

    Once the bound is reached the producer rests until half of the items are used: to wake it for every single item
    would cost more time than the item.
    """

    def __init__(self, max_items: int, size: Callable[[Item], int]) -> None:
        self._max_items = max_items
        self._size = size
        self._changed = threading.Condition()
        self._ready: deque[tuple[Item, int]] = deque()
        self._ready_bytes = 0
        self._ended = False
        self._error: BaseException | None = None

    def fill(self, items: Iterator[Item]) -> None:
        """Put all items, or those before the first error; runs on the producer's thread."""
        try:
            for item in items:
                if not self._put(item, self._size(item)):
                    return
        except BaseException as exc:  # it is raised where the item is asked for
            self._error = exc
        finally:
            self.close()

    def _put(self, item: Item, size: int) -> bool:
        """Add one item, then wait while there are too many; False when no more are needed."""
        with self._changed:
            self._ready.append((item, size))
            self._ready_bytes += size
            self._changed.notify()
            if len(self._ready) >= self._max_items or self._ready_bytes >= MAX_READY_BYTES:
                self._changed.wait_for(lambda: self._ended or self._half_used)
            return not self._ended

    @property
    def _half_used(self) -> bool:
        return 2 * len(self._ready) <= self._max_items and 2 * self._ready_bytes <= MAX_READY_BYTES

    def take(self) -> Item | None:
        """The next item, or None after the last; raises the error that kept it from being made."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended)
            if not self._ready:
                if self._error:
                    raise self._error
                return None
            item, size = self._ready.popleft()
            self._ready_bytes -= size
            if self._half_used:
                self._changed.notify()
            return item

    def close(self) -> None:
        """End the queue from either side: no more items come, or none are needed."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
