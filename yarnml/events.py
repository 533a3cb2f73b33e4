"""What a job tells its user while it runs."""

from typing import Any

from msgspec import Struct


class _Event(Struct, frozen=True, tag=True):
    pass


class Planned(_Event, frozen=True):
    """The job as it will run."""

    name: str
    backend: str
    rows: dict[str, int]
    shards: int
    workers: int
    reducers: int


class Continued(_Event, frozen=True):
    """A checkpoint was found: training goes on after ``step``."""

    step: int
    epoch: float
    folder: str


class Tick(_Event, frozen=True):
    """The newest finished step: its mean loss, the rows that the round has covered, and the workers at it."""

    step: int
    loss: float
    rows: int
    workers: int


class RoundBegins(_Event, frozen=True):
    """Steps ``first`` … ``last`` - 1 of ``steps`` come next."""

    number: int
    first: int
    last: int
    steps: int


class EpochDone(_Event, frozen=True):
    """``loss``: the mean over the epoch's rows as they were trained on; ``metrics``: of the evaluation data, if any."""

    epoch: int
    epochs: int
    step: int
    loss: float
    metrics: dict[str, float]


class Settled(_Event, frozen=True):
    """Which epoch's model early stopping chose, out of ``epochs``."""

    epochs: int
    best_epoch: int
    metric: str
    stopped: bool
    restored: bool


class Outcome(_Event, frozen=True):
    """How a job ended.  ``seconds``: in total, by phase of the steps, and from the start until planned, joined, …"""

    name: str
    step: int
    epochs: int
    metrics: dict[str, dict[str, float]]
    seconds: dict[str, float]
    checkpoint: str
    export: str | None = None
    stopped_early: bool = False
    already: bool = False


Event = Planned | Continued | RoundBegins | Tick | EpochDone | Settled | Outcome


def numbers(metrics: dict[str, Any]) -> str:
    """'loss 0.123, accuracy 0.971'."""
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics.items() if not name.endswith("_error"))
