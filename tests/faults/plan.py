"""The meaning of a seed: which faults, when, and in which job.  Pure: the same seed, the same plan."""

from dataclasses import dataclass
from random import Random

from tests.faults.acts import ACTS, Aim

EPOCHS = 50
STEPS = 300  # of the job that suffers; a step is told at the end of each epoch
LAST_FIRST_STEP = STEPS // 2  # the first fault comes so early that it never misses the job
LONG_SECONDS = 5.0  # a long pause, shorter than the job's workers.timeout; a short one is a tenth of it
START_SECONDS = 6.0  # a job takes about so long until its first step

KINDS = ("network", "table", "network in parts", "table")  # of jobs, seed by seed


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
    """``kind``: of the job that suffers, one of `KINDS`; ``delay``: its training's."""

    kind: str
    delay: int
    reducers: int
    faults: tuple[Fault, ...]


def plan(seed: int, kind: str | None = None) -> Plan:
    """One to three faults in a row; the first one goes through all there are, seed by seed.

    Where each reducer owns a part of a state, reducers of their own are never alone.

    ``kind``: of the job, where the seed shall not choose it.
    """
    kind = kind or KINDS[seed % len(KINDS)]
    random = Random(seed)
    names = list(ACTS)
    acts = [names[seed % len(names)], *random.choices(names, k=random.choice([0, 0, 1, 2]))]
    steps = sorted(random.sample(range(1, STEPS), len(acts)))
    steps[0] = 0 if random.random() < 0.15 else min(steps[0], random.randint(1, LAST_FIRST_STEP))
    faults = [
        Fault(act, step, random.uniform(0, 0.2 if step else START_SECONDS), Aim(random.random(), LONG_SECONDS))
        for act, step in zip(acts, steps, strict=True)
    ]
    least = int(any("reducer" in act for act in acts))
    reducers = random.randint(least, 2)
    if kind != "network" and reducers:
        reducers += 1
    delay = random.choice([0, 1, 2])
    return Plan(kind, delay, reducers, tuple(faults))
