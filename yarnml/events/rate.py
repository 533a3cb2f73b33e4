"""The rate of a training: rows per second over the newest steps."""

from collections import deque

RATE_TICKS = 20
"""Number of ticks over which the rate is measured."""

MIN_TICK_SECONDS = 0.1
"""Least time between two ticks that count for the rate: several may be delivered at once."""


class Rate:
    """Rows per second over the newest ticks: the rows of a step times the steps per second.

    Not every step has a tick, and a round may be shorter than the time between two ticks.  The numbers of steps go on
    across rounds, so they also count the steps without a tick; the rows begin anew with every round.
    """

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque(maxlen=RATE_TICKS)
        self._newest = (0, 0)  # the newest step, and the rows that its round had covered by then
        self._rows_per_step = 0.0

    def begin(self, step: int) -> None:
        """A round begins with ``step``."""
        self._newest = (step, 0)

    def add(self, step: int, rows: int, now: float) -> None:
        """Count a tick.

        ``step``: the newest finished one.
        ``rows``: how many the round has covered by then.
        ``now``: seconds on any clock that does not go back.
        """
        newest_step, covered = self._newest
        if step > newest_step and rows > covered:
            self._rows_per_step = (rows - covered) / (step - newest_step)
        self._newest = (step, rows)
        if self._points and step < self._points[-1][1]:  # the job went back to a checkpoint
            self._points.clear()
        if not self._points or now - self._points[-1][0] >= MIN_TICK_SECONDS:
            self._points.append((now, step))

    @property
    def per_second(self) -> float | None:
        """The rate in rows per second; None as long as there is nothing to compare with."""
        start, first = self._points[0]
        end, last = self._points[-1]
        return self._rows_per_step * (last - first) / (end - start) if end > start else None
