"""Costs of a step, by a trial: seconds by phase, bytes by role, and memory.

The seconds are those of the trial where it was made by all workers of the job.  Else those of the computing are, and
bytes and messages of the exchange are counted, by the rules of `yarnml.reduce`; its seconds are linear in them, or
those of the links.  The processor seconds below are of one machine; another one takes so many times as long as its
trial took for an exchange.  Everything here is pure.
"""

from typing import NamedTuple

from yarnml.events.text import columns
from yarnml.job.spec import Job
from yarnml.master.trial import TrialReport
from yarnml.reduce.blocks import BLOCK_NUMBERS, FORMS
from yarnml.reduce.chunks import chunk_bounds, slice_bounds
from yarnml.reduce.routing import Route, cheapest_route

SECONDS_OF_A_MESSAGE = 170e-6
"""Processor time of both ends (``python -m benchmarks growth``)."""

SECONDS_OF_A_BYTE = 4e-10
"""Processor time to send, receive and add it (``python -m benchmarks step``: 20 ms for 50 MB)."""

SECONDS_OF_A_BYTE_BY_LINK = 2e-9
"""Processor time to send or receive it by Flight with TLS, which is most of it (``python -m benchmarks slow-network``:
float32 and ``top_k`` are 210 ms apart for 100 MB)."""

SECONDS_OF_A_ROUNDING = {"int8": 5e-9, "int4": 5e-9}
"""Processor time to round a number of a block, a shard's or the sum of two (``python -m benchmarks slow-network``: 5 ms
for 1.1 million).  Other additions take a tenth of it at most, which is in `SECONDS_OF_A_BYTE`."""

EXCHANGED_NUMBERS = 1 << 21
"""The float32 numbers of a sum that is made to see what a machine needs for an exchange (`slowness_by_sum`)."""

BYTES_OF_A_NUMBER = {"float32": 4.0, "bfloat16": 2.0} | {
    name: kind.itemsize / BLOCK_NUMBERS for name, kind in FORMS.items()
}
"""By ``training.gradients``."""


class Machines(NamedTuple):
    """Machines for the processes: ``cores`` of one that has them all, or links of so many bytes a second, one way each.

    ``link`` is 0 for one machine, where ``cores`` is of no meaning for several.
    """

    cores: int
    link: float = 0.0


class Costs(NamedTuple):
    """Costs of a step.

    ``phases``: seconds.  ``sent``: bytes, by role of a process.  ``memory``: bytes of a worker, without cached rows.
    ``step``, ``epoch``: seconds.
    """

    parameters: int
    phases: dict[str, float]
    sent: dict[str, float]
    memory: float
    step: float
    epoch: float

    @property
    def bottleneck(self) -> str:
        """The longest phase."""
        return max(self.phases, key=lambda phase: self.phases[phase])

    def __str__(self) -> str:
        names = [*self.phases, "a step", "an epoch"]
        seconds = [*self.phases.values(), self.step, self.epoch]
        sent = [f"a {role} sends {size / 1e6:.3g} MB" for role, size in self.sent.items()]
        lines = [
            f"{self.parameters:,} numbers in the model; {self.memory / 2**30:.2f} GiB a worker, and the rows it keeps",
            columns([["expected", *names], ["seconds", *(f"{value:.3g}" for value in seconds)]]),
            f"in a step {', '.join(sent) or 'nothing travels'}; most of it is {self.bottleneck}",
        ]
        return "\n".join(lines)


def costs_of(job: Job, trial: TrialReport, shards: int, machines: Machines) -> Costs:
    """The costs of a step by the job's workers."""
    workers = min(job.workers.count, shards)
    own = -(-shards // workers)  # of the worker that has most
    sharing = _sharing(job, workers, machines) / _sharing(job, trial.workers, machines)
    read, compute, update = (sharing * trial.seconds[phase] for phase in ("read", "compute", "update"))
    sent = bytes_sent(job, trial, workers)
    exchange = seconds_of_exchange(job, trial, workers, own, machines)
    phases = {"read": own * read, "compute": own * compute, "exchange": exchange, "update": update}
    busy = sum(phases.values()) - exchange
    step = busy + exchange
    if job.training.delay > trial.delay and sent:
        step = step_with_delay(busy, exchange, _used_part(job, workers, machines))
    residuals = job.training.delay + 2 if job.training.gradients == "top_k" else 0
    memory = trial.memory + (own - trial.own) * (trial.sum_bytes + residuals * 4 * trial.parameters)
    return Costs(trial.parameters, phases, sent, memory, step, step * trial.steps)


def bytes_sent(job: Job, trial: TrialReport, workers: int) -> dict[str, float]:
    """Bytes that a process of each role sends in a step; what belongs to one process goes by memory."""
    if workers == 1 and not job.reducers.count:
        return {}
    if not job.reducers.count:
        return {"worker": 2 * trial.sum_bytes * (workers - 1) / workers}
    return {"worker": trial.sum_bytes, "reducer": trial.sum_bytes * workers / _route(job, trial, workers).slices}


def seconds_of_exchange(job: Job, trial: TrialReport, workers: int, own: int, machines: Machines) -> float:
    """Seconds from the end of the computing to the total, where all workers end it at once.

    ``own``: shards of a worker, which it adds up before.
    """
    sent = bytes_sent(job, trial, workers)
    addition = trial.slowness * trial.numbers * SECONDS_OF_A_ROUNDING.get(job.training.gradients, 0.0)
    if not sent:
        return (own - 1) * addition or (trial.seconds["exchange"] if trial.workers == 1 else 0.0)
    route = _route(job, trial, workers)
    chunks = sum(len(chunk_bounds(low, high)) for low, high in slice_bounds(max(1, trial.numbers), route.slices))
    vectors = workers if job.reducers.count else workers - 1  # that go to reducers, and come back
    per_process = 2 * max(sent.values())
    if not machines.link:
        busy = trial.slowness * _handling(vectors, chunks, trial.sum_bytes)
        busy += (workers * own - 1) * addition
        return busy / min(machines.cores, workers + job.reducers.count)
    busiest = max(workers, route.slices) if job.reducers.count else workers
    handling = 2 * vectors * chunks / busiest * SECONDS_OF_A_MESSAGE + per_process * SECONDS_OF_A_BYTE_BY_LINK
    additions = (own - 1) * addition + (workers - 1) / busiest * addition
    return additions + route.levels * max(trial.slowness * handling, per_process / 2 / machines.link)


def slowness_by_sum(seconds: float) -> float:
    """The time that a machine takes for an exchange, as a multiple of what the constants here say.

    ``seconds``: processor time of a sum of `EXCHANGED_NUMBERS`.
    """
    chunks = sum(len(chunk_bounds(low, high)) for low, high in slice_bounds(EXCHANGED_NUMBERS, 2))
    return seconds / _handling(1, chunks, 4 * EXCHANGED_NUMBERS)


def slowness_by_trial(job: Job, trial: TrialReport, machines: Machines) -> float:
    """Slowness as in `slowness_by_sum`, by the exchange of a trial by all workers of the job."""
    counted = seconds_of_exchange(job, trial, trial.workers, trial.own, machines)
    return trial.seconds["exchange"] / counted if counted else 1.0


def _sharing(job: Job, workers: int, machines: Machines) -> float:
    """Time that a worker computes, as a multiple of what it would alone, where one machine has them all."""
    return 1.0 if machines.link else max(1.0, workers * job.workers.vcores / machines.cores)


def _handling(vectors: int, chunks: int, sum_bytes: int) -> float:
    """Processor seconds for vectors that go to reducers of this machine in so many chunks, and come back."""
    return 2 * vectors * (chunks * SECONDS_OF_A_MESSAGE + sum_bytes * SECONDS_OF_A_BYTE)


def step_with_delay(busy: float, exchange: float, used: float) -> float:
    """Seconds of a step whose exchange goes on beside the next one's computing.

    ``used``: the part of the cores that compute; an exchange that is processor time has only the others.
    """
    return max(busy, exchange, used * (busy + exchange))


def _used_part(job: Job, workers: int, machines: Machines) -> float:
    """The part of one machine's cores that compute; of links none, as they need few of them."""
    return 0.0 if machines.link else min(1.0, workers * job.workers.vcores / machines.cores)


def _route(job: Job, trial: TrialReport, workers: int) -> Route:
    reducers = job.reducers
    length = max(1, trial.numbers)
    return cheapest_route(
        length, workers, reducers.count or workers, dedicated=bool(reducers.count), levels=reducers.levels
    )
