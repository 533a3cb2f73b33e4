"""The runs below a folder, and tables that tell and compare them."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from yarnml import storage
from yarnml.errors import HistoryError, translated
from yarnml.events.model_jobs import SECTIONS
from yarnml.events.text import columns
from yarnml.job import paths
from yarnml.watch.facts import progress
from yarnml.watch.history.pieces import HistoryReader
from yarnml.watch.numbers import MISSING, duration, number
from yarnml.watch.pace import pace, rows_per_second
from yarnml.watch.run import Run

HEADS = ("name", "state", "kind", "rows", "progress", "best", "time", "started", "model", "folder")

MAX_CELL = 63
"""Characters of a field in a comparison."""

MAX_DEPTH = 4
"""Folders below a given one that are looked into."""


def read_run(folder: str) -> Run:
    """Read the run of a job's folder; HistoryError where there is none."""
    return Run(folder, HistoryReader(folder).read(), time.time())


def folder_of_output(place: str) -> str:
    """Return the folder of a job that is named by it, or by the output of a job that applies a model."""
    beside = [paths.beside_output(place, section) for section in SECTIONS]
    with translated(HistoryError, f"{place} can't be looked at"):
        if storage.names(paths.history(place)):
            return place
        return next((folder for folder in beside if storage.names(paths.history(folder))), place)


def find_runs(folders: Iterable[str]) -> tuple[list[Run], list[str]]:
    """Read the runs in these folders and below, newest first, and say which can't be read.

    HistoryError where there is none at all.
    """
    tops = [*folders]
    runs = []
    unreadable = []
    for folder in dict.fromkeys(folder for top in tops for folder in run_folders(top)):
        try:
            runs.append(read_run(folder))
        except HistoryError as exc:
            unreadable.append(f"left out: {exc}")
    if not runs and not unreadable:
        raise HistoryError(
            f"No run below {', '.join(tops)}; give a folder with the folders of jobs, each its checkpoint.path."
        )
    return newest_first(runs), unreadable


def newest_first(runs: Iterable[Run]) -> list[Run]:
    """Sort runs by when they told something last."""
    return sorted(runs, key=lambda run: run.entries[-1].time, reverse=True)


def run_folders(top: str) -> list[str]:
    """List the folders of jobs that have a history, in a folder and at most `MAX_DEPTH` below."""
    with translated(HistoryError, f"{top} can't be listed"):
        return [*_folders(top.rstrip("/") or "/", MAX_DEPTH)]


def _folders(folder: str, depth: int) -> Iterable[str]:
    names = _folder_names(folder)
    if "history" in names and any(map(paths.piece_of, storage.names(paths.history(folder)))):
        yield folder
    elif depth:
        for name in names:
            if not name.startswith(".") or name.startswith(paths.BESIDE):
                yield from _folders(storage.join(folder, name), depth - 1)


def _folder_names(folder: str) -> list[str]:
    """The names of the folders in a folder; none where there is no such folder."""
    fs, path = storage.locate(folder)
    try:
        members = fs.ls(path, detail=True, refresh=True)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(m["name"].rstrip("/").rpartition("/")[2] for m in members if m["type"] == "directory")


def runs_table(runs: Sequence[Run]) -> str:
    """One line a run."""
    return columns([HEADS, *(row_of(run) for run in runs)])


def row_of(run: Run) -> tuple[str, ...]:
    """The cells of a run below `HEADS`."""
    best = MISSING if run.best is None else f"{run.metric} {run.best:.4g}"
    rows = f"{next(iter(run.rows.values())):,}" if run.rows else MISSING  # of a training those of its training data
    at = pace(run)
    done = f"{at.done}/{at.total or MISSING}"
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.entries[0].time))
    version = run.model.rpartition("/")[2] or MISSING
    kind = run.section or run.learner
    return run.name, run.state, kind, rows, done, best, duration(run.seconds), started, version, run.place


def comparison(runs: Sequence[Run]) -> str:
    """The fields in which the jobs of runs differ, then their results, one column a run."""
    jobs = [flat(run.job) for run in runs]
    names = sorted({name for job in jobs for name in job} - {"name", "checkpoint.path"})
    fields = [(name, [job.get(name) for job in jobs]) for name in names]
    differing = [(name, *map(shown, values)) for name, values in fields if len({*map(str, values)}) > 1]
    metrics = dict.fromkeys(name for run in runs for name in run.metrics if "[" not in name)
    results = [(name, *(number(run.metrics.get(name)) for run in runs)) for name in metrics]
    facts = [
        ("state", *(run.state for run in runs)),
        ("progress", *(progress(run) or MISSING for run in runs)),
        ("time", *(duration(run.seconds) for run in runs)),
        ("rows/s", *(number(rows_per_second(run)) for run in runs)),
    ]
    heads = [("", *(run.name for run in runs)), ("folder", *(run.place for run in runs))]
    gap = ("", *("" for _ in runs))
    return columns([*heads, gap, *(differing or [("the same job", *("" for _ in runs))]), gap, *results, *facts])


def flat(document: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The fields of a job file by their path: 'learner.hidden'."""
    fields: dict[str, Any] = {}
    for name, value in document.items():
        fields |= flat(value, f"{path}{name}.") if isinstance(value, Mapping) and value else {path + name: value}
    return fields


def shown(value: Any) -> str:
    """Write a value for a table; of a long one its two ends."""
    text = MISSING if value is None else str(value)
    side = (MAX_CELL - 3) // 2
    return text if len(text) <= MAX_CELL else f"{text[:side]} … {text[-side:]}"
