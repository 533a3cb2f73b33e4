"""The metrics of a job for Prometheus, a line each: name with its unit, kind, help and values.  Names never change."""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

from yarnml.events.cluster import ProcessLost, WorkerSuspended
from yarnml.events.events import EpochDone, Tick
from yarnml.events.measurements import (
    CheckpointSaved,
    ProcessesMeasured,
    ProcessUse,
    RoundMeasured,
    RunStarted,
    TrainingMeasured,
)
from yarnml.watch.exporters.facts import STATES, Facts

Samples = Iterable[tuple[tuple[str, ...], float]]
"""Values, each with those of its labels."""


class Family(NamedTuple):
    """One metric: ``labels`` beside ``job``, and ``samples``, which takes it from the facts."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    labels: tuple[str, ...]
    samples: Callable[[Facts], Samples]


def families() -> list[Family]:
    """All metrics of a job."""
    return [*_training(), *_counters(), *_processes()]


def _training() -> list[Family]:
    step = _single(lambda facts: _of(facts.newest(Tick) or facts.newest(EpochDone), "step"))
    return [
        Family("yarnml_info", "gauge", "The job's learner, backend and yarnml's version.",
               ("learner", "backend", "version"), _info),
        Family("yarnml_state", "gauge", "1 for the state that the job is in, else 0.", ("state",),
               lambda facts: [((state,), float(state == facts.state)) for state in STATES]),
        Family("yarnml_start_time_seconds", "gauge", "When this run began, since 1970.", (),
               _single(lambda facts: facts.started)),
        Family("yarnml_last_progress_time_seconds", "gauge", "When the newest step ended, since 1970.", (),
               _single(lambda facts: facts.progress)),
        Family("yarnml_step", "gauge", "The newest finished step.", (), step),
        Family("yarnml_epoch", "gauge", "The newest finished epoch.", (),
               _single(lambda facts: _of(facts.newest(EpochDone), "epoch"))),
        Family("yarnml_epochs", "gauge", "Epochs to train.", (),
               _single(lambda facts: _of(facts.newest(EpochDone), "epochs"))),
        Family("yarnml_training_loss", "gauge", "Mean loss of the newest step.", (),
               _single(lambda facts: _of(facts.newest(Tick), "loss"))),
        Family("yarnml_metric", "gauge", "Newest metrics, by the part of the data that they are of.",
               ("part", "metric"), lambda facts: facts.metrics.items()),
        Family("yarnml_workers", "gauge", "Workers that take part.", (), _single(lambda facts: facts.workers)),
        Family("yarnml_workers_wanted", "gauge", "Workers that are asked for.", (),
               _single(lambda facts: facts.workers_wanted)),
        Family("yarnml_checkpoint_step", "gauge", "Step of the newest checkpoint.", (),
               _single(lambda facts: _of(facts.newest(CheckpointSaved), "step"))),
        Family("yarnml_local_ratio", "gauge", "Share of the training bytes on the host of their worker.", (),
               _single(lambda facts: _of(facts.newest(ProcessesMeasured), "local"))),
    ]  # fmt: skip


def _counters() -> list[Family]:
    return [
        Family("yarnml_rows", "counter", "Rows that the steps have covered.", (),
               _single(lambda facts: _of(facts.newest(TrainingMeasured), "rows"))),
        Family("yarnml_tasks", "counter", "Tasks that the steps of this run were made of.", (),
               _single(lambda facts: _of(facts.newest(TrainingMeasured), "tasks"))),
        Family("yarnml_backup_tasks", "counter", "Tasks that were computed twice.", (),
               _single(lambda facts: _of(facts.newest(ProcessesMeasured), "copied"))),
        Family("yarnml_phase_seconds", "counter", "Seconds of the steps, by phase.", ("phase",), _phases),
        Family("yarnml_processes_lost", "counter", "Processes that were lost.", (),
               _single(lambda facts: facts.counts[ProcessLost])),
        Family("yarnml_workers_suspended", "counter", "Workers that did not keep up.", (),
               _single(lambda facts: facts.counts[WorkerSuspended])),
        Family("yarnml_checkpoints", "counter", "Checkpoints of this run.", (),
               _single(lambda facts: facts.counts[CheckpointSaved])),
    ]  # fmt: skip


def _processes() -> list[Family]:
    labels = ("role", "index", "host")
    return [
        Family("yarnml_process_memory_bytes", "gauge", "Memory of a process.", labels, _per_process("memory")),
        Family("yarnml_process_cpu_cores", "gauge", "Busy processor cores of a process.", labels, _per_process("cpu")),
        Family("yarnml_process_sent_bytes", "counter", "Bytes of vectors that a process has sent.", labels,
               _per_process("sent")),
        Family("yarnml_process_shards", "gauge", "Shards that a process trains on.", labels, _per_process("shards")),
        Family("yarnml_process_gpu_ratio", "gauge", "Busy share of a process's GPUs.", labels, _per_process("gpu")),
        Family("yarnml_process_gpu_memory_bytes", "gauge", "Memory of a process's GPUs.", labels,
               _per_process("gpu_memory")),
        Family("yarnml_round_seconds", "gauge", "Seconds of the steps of the newest round, by worker and phase.",
               ("role", "index", "phase"), _round),
    ]  # fmt: skip


def _single(value: Callable[[Facts], float | None]) -> Callable[[Facts], Samples]:
    """Make the samples of a metric without labels; none where its value is not known yet."""

    def samples(facts: Facts) -> Samples:
        known = value(facts)
        return [] if known is None else [((), float(known))]

    return samples


def _per_process(field: str) -> Callable[[Facts], Samples]:
    """Make the samples of a field of every process."""

    def samples(facts: Facts) -> Samples:
        known: list[tuple[ProcessUse, float | None]] = [(use, getattr(use, field)) for use in facts.processes.values()]
        return [((use.role, str(use.index), use.host), float(value)) for use, value in known if value is not None]

    return samples


def _of(event: object | None, field: str) -> float | None:
    """A field of an event that may not have come yet."""
    return None if event is None else getattr(event, field)


def _info(facts: Facts) -> Samples:
    start = facts.newest(RunStarted)
    if start is None:
        return []
    learner: Mapping[str, str] = start.job.get("learner", {})
    kind = learner.get("kind") or learner.get("path", "")
    return [((kind, start.backend, start.version), 1.0)]


def _phases(facts: Facts) -> Samples:
    measured = facts.newest(TrainingMeasured)
    seconds = measured.seconds if measured else {}
    return [((phase,), s) for phase, s in seconds.items() if phase != "total" and not phase.startswith("until_")]


def _round(facts: Facts) -> Samples:
    measured = facts.newest(RoundMeasured)
    if measured is None:
        return []
    return [
        (("worker", str(worker), phase), value)
        for phase, values in measured.seconds.items()
        for worker, value in zip(measured.workers, values, strict=True)
    ]
