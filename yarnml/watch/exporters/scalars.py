"""The curves of a run: the numbers that an entry adds to them, by tag and step.  Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from yarnml.events.events import EpochDone, Outcome, Tick
from yarnml.events.measurements import ProcessesMeasured, RoundMeasured, TrainingMeasured
from yarnml.watch.history.entries import Entry


class Scalar(NamedTuple):
    """A point of a curve.  ``time``: in seconds since 1970."""

    tag: str
    step: int
    time: float
    value: float


class Curves:
    """Turns the entries of one run into points, in order.

    Attributes:
        step: the newest one, at which what has no step of its own is shown.
    """

    def __init__(self) -> None:
        self.step = 0
        self._before: tuple[float, int] | None = None  # the time and the rows of the round before

    def points(self, entry: Entry) -> list[Scalar]:
        """The points that an entry adds."""
        event = entry.event
        if isinstance(event, Tick | EpochDone | TrainingMeasured | Outcome):
            self.step = event.step
        return [Scalar(tag, self.step, entry.time, float(value)) for tag, value in self._values(entry).items()]

    def _values(self, entry: Entry) -> Mapping[str, float]:
        match entry.event:
            case Tick(loss=loss, workers=workers):
                return {"loss/step": loss, "workers/count": workers}
            case EpochDone() as epoch:
                sets = {"evaluation": epoch.metrics, "training": epoch.training}
                return {"loss/epoch": epoch.loss, "epoch": epoch.epoch, **named(sets)}
            case Outcome(metrics=metrics):
                return named({part: values for part, values in metrics.items() if part == "test"})
            case RoundMeasured(first, last, workers, seconds):
                steps = max(1, last - first) * max(1, len(workers))
                return {f"seconds of a step/{phase}": sum(values) / steps for phase, values in seconds.items()}
            case TrainingMeasured(rows=rows):
                return self._rate(entry.time, rows)
            case ProcessesMeasured(processes):
                roles = dict.fromkeys(use.role for use in processes)
                uses = {role: [use for use in processes if use.role == role] for role in roles}
                memory = {f"memory of the largest {role}/bytes": max(u.memory for u in uses[role]) for role in roles}
                return memory | {f"busy cores/{role}": sum(use.cpu for use in uses[role]) for role in roles}
        return {}

    def _rate(self, time: float, rows: int) -> dict[str, float]:
        """Rows per second since the round before; none after the first, or where the job went back."""
        before = self._before
        self._before = (time, rows)
        if before is None or time <= before[0] or rows <= before[1]:
            return {}
        return {"rows per second": (rows - before[1]) / (time - before[0])}


def named(sets: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Metrics by part and name, without those of single classes."""
    return {f"{part}/{name}": v for part, metrics in sets.items() for name, v in metrics.items() if "[" not in name}
