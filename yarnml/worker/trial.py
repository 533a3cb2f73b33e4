"""The program of a process that makes a trial: ``python -m yarnml.worker.trial`` < a `TrialOrder`, > a `TrialReport`.

It is a worker like any other, but alone, with the first shard of many.
"""

import resource
import sys
from collections.abc import Mapping
from typing import Any

from yarnml.control.codec import decoder, encode
from yarnml.control.commands import Assignment, Build, Command, FitScaling, Survey, Train
from yarnml.control.reports import Built, Surveyed, Trained
from yarnml.control.trial import TrialOrder, TrialRefused, TrialReport
from yarnml.data.survey import columns_to_survey, with_findings
from yarnml.errors import YarnmlError
from yarnml.reduce.blocks import numbers_in
from yarnml.reduce.keyed import KeyedVector, sent_bytes
from yarnml.reduce.memory import MemoryAllReduce
from yarnml.reduce.reducer import StepKey
from yarnml.reduce.tree import Node, Value, pieces
from yarnml.worker.exchange_trial import seconds_of_a_sum
from yarnml.worker.mapper import Mapper
from yarnml.worker.progress import ProgressTracker

SECONDS = 2.0
"""Time that the steps take which are measured, about."""

MAX_STEPS = 200

_decode = decoder(TrialOrder)


class CountingAllReduce(MemoryAllReduce):
    """Counts the numbers, as its route is chosen by them, and the bytes of the newest sums."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0
        self.nbytes = 0

    def start(self, key: StepKey, parts: Mapping[Node, Value], shards: int, delay: int = 0) -> None:
        super().start(key, parts, shards, delay)
        (value,) = parts.values()
        parts_by_type = pieces(value)
        first = parts_by_type[0]
        self.nbytes = sum(map(sent_bytes, parts_by_type))
        self.numbers = len(value)
        if not isinstance(value, KeyedVector):
            self.numbers += (numbers_in(first.dtype) - 1) * len(first)


class Trial:
    """One worker, and the commands that it is given."""

    def __init__(self, order: TrialOrder) -> None:
        self._order = order
        self._sums = CountingAllReduce()
        self._mapper = Mapper(0, self._sums, ProgressTracker(), lambda generation, step, copy: None)
        self._generation = 0

    def run(self) -> TrialReport:
        """Train the steps, and tell what they cost.  Raises YarnmlError where a whole job would, too."""
        initialize = self._order.initialize
        schema = self._order.schema
        self._give(initialize)
        while columns_to_survey(schema):
            schema = with_findings(schema, self._give(Survey(schema), Surveyed).findings)
        if initialize.job.scales or schema.label_scale != "none":
            self._give(FitScaling(schema))
        built = self._give(Build(schema), Built)
        self._give(Train(0, 1))
        second = sum(self._give(Train(1, 2), Trained).seconds.values())
        count = max(1, min(MAX_STEPS, int(SECONDS / max(second, 1e-6))))
        seconds = self._give(Train(2, 2 + count), Trained).seconds
        of_step = {phase: spent / count for phase, spent in seconds.items()}
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        sums = self._sums
        exchange = seconds_of_a_sum()
        return TrialReport(built.parameters, built.steps, sums.numbers, sums.nbytes, of_step, memory, exchange)

    def _give(self, command: Command, kind: Any = object) -> Any:
        self._generation += 1
        report = self._mapper.execute(Assignment(self._generation, command, {0: [0]}))
        assert isinstance(report, kind), report
        return report


def main() -> int:
    """Answer the order on standard input."""
    try:
        answer: TrialReport | TrialRefused = Trial(_decode(sys.stdin.buffer.read())).run()
    except YarnmlError as exc:
        answer = TrialRefused(str(exc))
    sys.stdout.buffer.write(encode(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
