"""The use that this process makes of its machine: memory, processor, and GPUs where there are any."""

import contextlib
import importlib
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psutil

from yarnml.control.calls import Usage

USAGE_SECONDS = 5.0
"""Time between two measurements of a process."""

Answer = TypeVar("Answer")


def no_traffic() -> int:
    """Bytes sent by a process that sends none."""
    return 0


class UsageMeter:
    """Measures this process now and then.

    ``sent``: the bytes of vectors that it has sent so far.
    """

    def __init__(self, sent: Callable[[], int] = no_traffic) -> None:
        self._sent = sent
        self._process = psutil.Process()
        self._process.cpu_percent()  # the next call tells the share since this one
        self._gpus = Gpus(os.environ.get("CUDA_VISIBLE_DEVICES", ""))
        self._due = time.monotonic() + USAGE_SECONDS

    def take(self) -> Usage | None:
        """Measure, unless that was done a moment ago."""
        now = time.monotonic()
        if now < self._due:
            return None
        self._due = now + USAGE_SECONDS
        return self.measure()

    def measure(self) -> Usage:
        """Measure now."""
        memory = int(self._process.memory_info().rss)
        cpu = round(self._process.cpu_percent() / 100, 3)
        return Usage(memory, cpu, self._sent(), *self._gpus.use())


class Gpus:
    """The GPUs that a process may use, through NVIDIA's library; none where that or the driver is missing.

    ``visible``: their numbers, as in ``CUDA_VISIBLE_DEVICES``.
    """

    def __init__(self, visible: str) -> None:
        numbers = [int(name) for name in visible.split(",") if name.isdigit()]
        self._library: Any = None
        self._handles: list[Any] = []
        if numbers:
            with contextlib.suppress(ImportError):
                self._library = importlib.import_module("pynvml")
                self._handles = self._ask(lambda: self._find(numbers)) or []

    def use(self) -> tuple[float | None, int | None]:
        """Return the mean busy share of the GPUs and the bytes used of their memory; None without one."""
        return (self._ask(self._measure) if self._handles else None) or (None, None)

    def _find(self, numbers: list[int]) -> list[Any]:
        self._library.nvmlInit()
        return [self._library.nvmlDeviceGetHandleByIndex(number) for number in numbers]

    def _measure(self) -> tuple[float, int]:
        shares = [self._library.nvmlDeviceGetUtilizationRates(handle).gpu / 100 for handle in self._handles]
        used = [int(self._library.nvmlDeviceGetMemoryInfo(handle).used) for handle in self._handles]
        return round(sum(shares) / len(shares), 3), sum(used)

    def _ask(self, question: Callable[[], Answer]) -> Answer | None:
        try:
            return question()
        except self._library.NVMLError:
            return None
