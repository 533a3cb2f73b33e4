"""What the faults cost, by kind, as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from tests.faults.runs import Told


@dataclass(frozen=True)
class Cost:
    """Of one fault: steps that were told a second time, and the longest wait for a new one."""

    act: str
    again: int
    pause: float


@dataclass(frozen=True)
class Suffered:
    """A run that came to its end: its costs, fault by fault, and its time as a multiple of an undisturbed run's."""

    costs: tuple[Cost, ...]
    ratio: float


def cost(act: str, told: Sequence[Told], began: float, until: float, each: int) -> Cost:
    """Of a fault at ``began``, until the next one or the end; a step is told every ``each`` steps."""
    newest = max((t.step for t in told if t.at <= began), default=0)
    again, pause, since = 0, 0.0, began
    for now in (t for t in told if began < t.at <= until):
        if now.step > newest:
            newest, pause, since = now.step, max(pause, now.at - since), now.at
        else:
            again += each
    return Cost(act, again, pause)


def table(suffered: Sequence[Suffered]) -> list[str]:
    """Means (and largest) by kind of fault; the time in total from the runs that had this fault alone."""
    lines = [f"{'fault':24} {'runs':>5} {'steps again':>14} {'pause, s':>16} {'time, × undisturbed':>20}"]
    costs = [c for run in suffered for c in run.costs]
    for act in dict.fromkeys(c.act for c in costs):
        mine = [c for c in costs if c.act == act]
        again, pause = [c.again for c in mine], [c.pause for c in mine]
        ratios = [run.ratio for run in suffered if [c.act for c in run.costs] == [act]]
        lines.append(
            f"{act:24} {len(mine):5} {mean(again):8.0f} ({max(again):3}) {mean(pause):8.1f} ({max(pause):5.1f}) "
            + (f"{mean(ratios):20.1f}" if ratios else f"{'–':>20}")
        )
    return lines
