"""The facts of a run, by their names: the first lines of its page.  Pure."""

import time

from yarnml.events.events import EvaluationResult, Predicted
from yarnml.watch.numbers import MISSING, duration, number
from yarnml.watch.pace import pace, rows_per_second
from yarnml.watch.run import Run

Facts = list[tuple[str, str]]


def facts(run: Run) -> Facts:
    """List what is known of a run: how far it is and what came of it, then its circumstances."""
    listed = _of_model(run) if run.section else _of_training(run)
    return [(name, text) for name, text in [*listed, *_circumstances(run)] if text]


def progress(run: Run) -> str:
    """The sentence about how far a run is; empty where it has not begun to count."""
    at = pace(run)
    if not at.total:
        return ""
    left = f", about {duration(at.seconds_left)} left" if at.seconds_left is not None else ""
    return f"{at.done:,} of {at.total:,} {at.unit}{left}"


def _of_training(run: Run) -> Facts:
    listed = [
        ("learner", run.learner),
        ("epochs", f"{run.epochs_done} of {run.epochs_asked or MISSING}"),
        ("step", f"{run.tick.step:,}, loss {run.tick.loss:.4g}" if run.tick else ""),
        (f"best {run.metric}", "" if run.best is None else number(run.best)),
    ]
    if run.outcome:
        sets = run.outcome.metrics.items()
        listed += [(f"{part}: {name}", number(v)) for part, metrics in sets for name, v in _plain(metrics)]
        listed += [("note", remark) for remark in run.outcome.remarks]
    return listed


def _of_model(run: Run) -> Facts:
    at = pace(run)
    listed = [("job", run.section), (at.unit, f"{at.done:,} of {at.total:,}" if at.total else "")]
    if isinstance(run.end, EvaluationResult):
        listed += [(name, number(value)) for name, value in _plain(run.end.metrics)]
    if isinstance(run.end, Predicted):
        listed += [("rows without a prediction", f"{run.end.nulls:,}"), ("files", f"{run.end.files:,}")]
    return listed


def _plain(metrics: dict[str, float]) -> list[tuple[str, float]]:
    """Metrics without those of single classes."""
    return [(name, value) for name, value in metrics.items() if "[" not in name]


def _circumstances(run: Run) -> Facts:
    workers = [use for _, use in run.processes if use.role == "worker"]
    rate = rows_per_second(run)
    return [
        ("rows", ", ".join(f"{count:,}" if run.section else f"{count:,} {name}" for name, count in run.rows.items())),
        ("rows/s", "" if rate is None else number(rate)),
        ("workers", f"{len(workers):,}" if workers else ""),
        ("time", duration(run.seconds)),
        ("started", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.entries[0].time))),
        ("backend", run.start.backend if run.start else ""),
        ("yarnml", run.start.version if run.start else ""),
        ("model", run.model),
        ("output" if run.section else "folder", run.place),
    ]
