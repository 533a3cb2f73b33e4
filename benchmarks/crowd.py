"""Many processes that add up vectors (`benchmarks.exchanger`), led from this one through blocks of steps."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.costs import Point
from benchmarks.exchanger import CERTIFICATE, KEY
from yarnml.clusters.yarn.skein_import import skein
from yarnml.control.credentials import Token
from yarnml.worker.library_variables import library_variables

MIN_STEPS = 2
"""Steps at a time, at least."""


class Block(NamedTuple):
    """One step at a point, on the average of a block.

    ``worker`` and ``reducer``: processor time of one, ``busiest``: of the process that needs most.
    ``messages`` and ``bytes``: of all workers, with those that their relays pass on, both directions.
    """

    seconds: float
    worker: float
    reducer: float
    busiest: float
    messages: float
    bytes: float


class Crowd:
    """Processes that add up vectors: the first ones are the workers, the last ones the reducers apart."""

    def __init__(self, workers: int, reducers: int, folder: Path) -> None:
        self._token = Token()  # with it go the sockets
        variables = os.environ | library_variables(1) | self._token.variables()
        self._children = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.exchanger", str(index), str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=variables,
            )
            for index in range(workers + reducers)
        ]
        self._addresses = [answer["address"] for answer in self._answers(range(workers + reducers))]
        self._generation = 0

    def run(self, point: Point, seconds: float) -> Block:
        """Make steps at a point for about ``seconds``."""
        count = len(self._children)
        workers = range(point.workers)
        reducers = range(count - point.reducers, count)
        self._steps(point, workers, reducers, MIN_STEPS)  # the processes connect in their first steps
        trial = self._steps(point, workers, reducers, MIN_STEPS)
        return self._steps(point, workers, reducers, max(MIN_STEPS, round(seconds / trial.seconds)))

    def _steps(self, point: Point, workers: range, reducers: range, steps: int) -> Block:
        self._generation += 1
        order = {
            "generation": self._generation,
            "workers": [self._addresses[n] for n in workers],
            "reducers": [self._addresses[n] for n in reducers or workers],
            "levels": point.levels,
            "elements": point.elements,
            "steps": steps,
        }
        idle = self._ask(reducers, {})
        answers = self._ask(workers, order)
        apart = self._ask(reducers, {})

        def spent(what: str) -> list[float]:
            return [(a["after"][what] - a["before"][what]) / steps for a in answers]

        mapping = spent("cpu")
        reducing = [(a["after"]["cpu"] - b["after"]["cpu"]) / steps for a, b in zip(apart, idle, strict=True)]
        return Block(
            max(a["seconds"] for a in answers) / steps,
            sum(mapping) / len(workers),
            sum(reducing) / len(reducers) if reducers else 0.0,
            max(mapping + reducing),
            sum(spent("messages")),
            sum(spent("bytes")),
        )

    def _ask(self, processes: range, order: dict[str, Any]) -> list[dict[str, Any]]:
        for number in processes:
            stdin = self._children[number].stdin
            assert stdin is not None
            stdin.write(json.dumps(order) + "\n")
            stdin.flush()
        return self._answers(processes)

    def _answers(self, processes: range) -> list[dict[str, Any]]:
        lines = []
        for number in processes:
            stdout = self._children[number].stdout
            assert stdout is not None
            lines.append(stdout.readline())
            if not lines[-1]:
                raise RuntimeError(f"process {number} of {len(self._children)} ended; what it said is above.")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        for child in self._children:
            child.kill()
        for child in self._children:
            child.communicate()


@contextmanager
def crowd(points: Sequence[Point], *, flight: bool) -> Iterator[Crowd]:
    """Start enough processes for these points.

    ``flight``: they talk by Flight with TLS, as containers do; else by the sockets of this machine.
    """
    with tempfile.TemporaryDirectory() as folder:
        if flight:
            pair = skein.Security.new_credentials()
            Path(folder, CERTIFICATE).write_bytes(pair.cert_bytes)
            Path(folder, KEY).write_bytes(pair.key_bytes)
        processes = Crowd(max(p.workers for p in points), max(p.reducers for p in points), Path(folder))
        try:
            yield processes
        finally:
            processes.close()
