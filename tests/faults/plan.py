"""The meaning of a seed: which faults, when, and in which job.  Pure: the same seed, the same plan."""

from dataclasses import dataclass
from random import Random

from tests.faults.acts import ACTS, Aim

EPOCHS = 50
STEPS = 300  # of the job that suffers; a step is told at the end of each epoch
LONG_SECONDS = 5.0  # a long pause, shorter than the job's workers.timeout; a short one is a tenth of it
START_SECONDS = 6.0  # a job takes about so long until its first step


@dataclass(frozen=True)
class Fault:
    """``act`` some ``delay`` seconds after ``step`` was told; step 0 is the start of the command."""

    act: str
    step: int
    delay: float
    aim: Aim

    def __str__(self) -> str:
        return f"{self.act} {self.delay:.2f} s after step {self.step} (aim {self.aim.place:.2f})"


@dataclass(frozen=True)
class Plan:
    reducers: int
    faults: tuple[Fault, ...]


def plan(seed: int) -> Plan:
    """One to three faults in a row; the first one goes through all there are, seed by seed."""
    random = Random(seed)
    names = list(ACTS)
    acts = [names[seed % len(names)], *random.choices(names, k=random.choice([0, 0, 1, 2]))]
    steps = sorted(random.sample(range(1, STEPS), len(acts)))
    if random.random() < 0.15:
        steps[0] = 0
    faults = [
        Fault(act, step, random.uniform(0, 0.2 if step else START_SECONDS), Aim(random.random(), LONG_SECONDS))
        for act, step in zip(acts, steps, strict=True)
    ]
    least = int(any("reducer" in act for act in acts))
    return Plan(random.randint(least, 2), tuple(faults))
