"""The cost of the faults, by kind, as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from tests.faults.runs import FinishedStep


@dataclass(frozen=True)
class Cost:
    """The cost of one fault: steps that were told a second time, and seconds of the longest wait for a new one."""

    act: str
    repeated: int
    pause: float


@dataclass(frozen=True)
class Suffered:
    """A run that came to its end: its costs, fault by fault, and its time as a multiple of an undisturbed run's."""

    costs: tuple[Cost, ...]
    ratio: float


def cost(act: str, steps: Sequence[FinishedStep], began: float, until: float, interval: int) -> Cost:
    """Add up what a fault at ``began`` cost until the next one or the end; every ``interval``-th step is told."""
    newest = max((finished.step for finished in steps if finished.at <= began), default=0)
    repeated = 0
    pause = 0.0
    since = began
    for finished in steps:
        if not began < finished.at <= until:
            continue
        if finished.step > newest:
            newest = finished.step
            pause = max(pause, finished.at - since)
            since = finished.at
        else:
            repeated += interval
    return Cost(act, repeated, pause)


def table(suffered: Sequence[Suffered]) -> list[str]:
    """Means (and largest) by kind of fault; the time in total from the runs that had this fault alone."""
    lines = [f"{'fault':24} {'runs':>5} {'steps again':>14} {'pause, s':>16} {'time, × undisturbed':>20}"]
    costs = [c for run in suffered for c in run.costs]
    for act in dict.fromkeys(c.act for c in costs):
        repeated = [c.repeated for c in costs if c.act == act]
        pause = [c.pause for c in costs if c.act == act]
        ratios = [run.ratio for run in suffered if [c.act for c in run.costs] == [act]]
        lines.append(
            f"{act:24} {len(pause):5} {mean(repeated):8.0f} ({max(repeated):3}) {mean(pause):8.1f} ({max(pause):5.1f}) "
            + (f"{mean(ratios):20.1f}" if ratios else f"{'–':>20}")
        )
    return lines
