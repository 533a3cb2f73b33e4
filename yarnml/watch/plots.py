"""The plots of a run: how it learns, how fast it is, and what its processes use.  Pure."""

from collections.abc import Iterable
from itertools import pairwise

from yarnml.events.events import EpochDone
from yarnml.watch import charts, membership
from yarnml.watch.charts import Points
from yarnml.watch.numbers import size
from yarnml.watch.pace import shards_over_time
from yarnml.watch.run import Run

MAX_MEMBERS = 11
"""Processes in the timeline; of more those that came or went."""

MAX_METRICS = 8
"""Metrics that have a chart."""


def learning(run: Run) -> Iterable[str]:
    """Charts by epoch: the loss, then each metric."""
    epochs = [epoch for _, epoch in run.epochs]
    loss: dict[str, Points] = {"training loss": [(epoch.epoch, epoch.loss) for epoch in epochs]}
    loss["loss"] = _metric(epochs, "loss")
    yield charts.lines("Loss by epoch", loss)
    names = dict.fromkeys(name for epoch in epochs for name in [*epoch.metrics, *epoch.training])
    shown_names = [name for name in names if name != "loss" and "[" not in name and not name.endswith("_error")]
    for name in shown_names[:MAX_METRICS]:
        of_training = [(float(e.epoch), e.training[name]) for e in epochs if name in e.training]
        yield charts.lines(f"{name} by epoch", {name: _metric(epochs, name), "of the training rows": of_training})


def _metric(epochs: Iterable[EpochDone], name: str) -> Points:
    return [(float(epoch.epoch), epoch.metrics[name]) for epoch in epochs if name in epoch.metrics]


def speed(run: Run) -> Iterable[str]:
    """Charts of the rate and of the phases of a step."""
    zero = run.entries[0].time
    rates: list[tuple[float, float]] = []
    for counters in run.counters:
        for (began, before), (ended, after) in pairwise(counters):
            if after.rows >= before.rows and ended > began:
                rates.append((ended - zero, (after.rows - before.rows) / (ended - began)))
    yield charts.over_time("Rows per second", {"rows/s": rates})
    done = [(when - run.began, float(shards.done)) for when, shards in shards_over_time(run)]
    yield charts.over_time("Shards done", {"shards": done}, "{:.0f}".format, 1)
    yield charts.shares("Where the time of a step goes", run.phases)


def machines(run: Run) -> Iterable[str]:
    """Charts of the processes over time: how many, and what they use."""
    zero = run.entries[0].time
    memory: dict[str, list[tuple[float, float]]] = {"largest worker": [], "mean worker": [], "master": []}
    cores: dict[str, list[tuple[float, float]]] = {"busiest worker": [], "mean worker": [], "master": []}
    gpus: dict[str, list[tuple[float, float]]] = {"mean of the workers": []}
    sent: list[tuple[float, float]] = []
    for when, measured in run.uses:
        at = when - zero
        workers = [use for use in measured.processes if use.role == "worker"]
        if workers:
            memory["largest worker"].append((at, max(use.memory for use in workers)))
            memory["mean worker"].append((at, sum(use.memory for use in workers) / len(workers)))
            cores["busiest worker"].append((at, max(use.cpu for use in workers)))
            cores["mean worker"].append((at, sum(use.cpu for use in workers) / len(workers)))
            sent.append((at, sum(use.sent for use in workers)))
        for use in measured.processes:
            if use.role == "master":
                memory["master"].append((at, use.memory))
                cores["master"].append((at, use.cpu))
        busy = [use.gpu for use in workers if use.gpu is not None]
        if busy:
            gpus["mean of the workers"].append((at, 100 * sum(busy) / len(busy)))
    count = [(when - zero, float(measured.workers)) for counters in run.counters for when, measured in counters]
    rate = [(b, (y - x) / (b - a)) for (a, x), (b, y) in pairwise(sent) if y >= x and b > a]
    yield charts.over_time("Workers", {"workers": count}, "{:.0f}".format, 1)
    spans = membership.spans(run)
    title = f"Who took part: {MAX_MEMBERS} of {len(spans):,}" if len(spans) > MAX_MEMBERS else "Who took part"
    yield charts.timeline(title, membership.eventful(spans, MAX_MEMBERS))
    yield charts.over_time("Memory", memory, size, 1024)
    yield charts.over_time("Busy processor cores", cores)
    yield charts.over_time("Bytes sent per second", {"all workers": rate}, size, 1024)
    yield charts.over_time("Busy GPUs, %", gpus)
