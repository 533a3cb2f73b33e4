"""The protocol of what adds up parts, as connections and workers see it."""

from threading import Event
from typing import Protocol

from yarnml.reduce.reducer import StepKey
from yarnml.reduce.tree import Chunk
from yarnml.reduce.wire import Part


class Aggregator(Protocol):
    """Adds up parts and gives totals: a reducer, or a relay of one."""

    def add(self, part: Part, values: Chunk) -> bool:
        """Take in one chunk of one subtree; False where it is of no use any more."""

    def total(self, key: StepKey, chunk: int, timeout: float, disconnected: Event | None = None) -> Chunk:
        """Wait for the sum of one chunk, ``timeout`` seconds at most.

        ``disconnected``: set when the worker that asked is gone; the wait then ends soon, with StepAborted.
        """

    def wait(self, key: StepKey, seconds: float) -> bool:
        """Wait until there is nothing more to wait for; False after ``seconds``."""

    def missing_shards(self, key: StepKey) -> list[int]:
        """The shards whose parts have not arrived."""
