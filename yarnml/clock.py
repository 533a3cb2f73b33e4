"""Where the time of a step goes."""

import time


class Clock:
    """Adds up seconds by phase; the time since the last lap belongs to the phase that ends."""

    def __init__(self, *phases: str) -> None:
        self.seconds = dict.fromkeys(phases, 0.0)
        self._since = time.perf_counter()

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] += now - self._since
        self._since = now
