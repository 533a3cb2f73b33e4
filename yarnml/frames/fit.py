"""The fit of a learner to a frame: a job whose rows, checkpoints and model live in a folder of its own."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import yaml
from msgspec.structs import replace

from yarnml import storage
from yarnml.errors import DataError, Interrupted, JobFileError, YarnmlError, translated
from yarnml.events.events import Outcome
from yarnml.frames.rows import tabulate, write
from yarnml.job.load import load_job
from yarnml.runner import run_file

if TYPE_CHECKING:
    from yarnml.model.model import Model

TRAIN = "train.parquet"
TEST = "test.parquet"
JOB = "job.yaml"

AT_THE_END = "999999999 epochs"
"""A time between two checkpoints that leaves only the last one, where nobody could continue the fit."""


def fit(
    frame: Any,
    *,
    learner: str | Mapping[str, Any],
    label: Any = None,
    features: Sequence[str] | None = None,
    weight: Any = None,
    group: Any = None,
    offset: Any = None,
    exposure: Any = None,
    test: Any = None,
    export: str | PathLike[str] | None = None,
    keep: str | PathLike[str] | None = None,
    progress: bool = False,
    backend: str = "inline",
    **sections: Any,
) -> "Model":
    """Train on a frame in memory and return the model; nothing else is left.

    The same engine as `yarnml.run`, in this process: the model has the bits of a job on the same rows and shards.

    Args:
        frame: a table of pandas, Polars, Arrow or any library that speaks Arrow's C interface; a mapping of columns; an
            array [rows, width] or [rows, *shape] of numbers.
        learner: a kind, or a mapping as under ``learner`` of the job file.
        label: the name of a column, or one label for each row; of several labels a list of names, or an array
            [rows, labels]; None for a learner without.
        features: names of columns; None for all but those of the other roles.
        weight: the name of a column, or one weight for each row.
        group: the same for metrics of the order within groups.
        offset: the same for what is added to the linear predictor.
        exposure: the same for what its logarithm is added of.
        test: rows to evaluate on, as ``frame``; where a role is given as values, a tuple of the frame, label, weight,
            group, offset and exposure.
        export: a folder in which the model is stored as its next version.
        keep: a new folder for everything: the rows, the job file, checkpoints and, without ``export``, the model.
        progress: whether the fit shows itself, as `yarnml.run` does.
        backend: ``inline`` for this process, ``local`` for processes of their own.
        sections: any section of the job file as a mapping, such as ``training={"epochs": 20}``.

    Raises a YarnmlError for everything that can go wrong, and KeyboardInterrupt where it is stopped.
    """
    with _folder(keep) as folder:
        roles = (label, weight, group, offset, exposure)
        sources = {"train": tabulate(frame, *roles, features=features)}
        if test is not None:
            by_name = [test, *(role if isinstance(role, str | list) else None for role in roles)]
            sources["test"] = tabulate(*(test if isinstance(test, tuple) else by_name), features=features)
        places = {name: os.path.join(folder, file) for name, file in (("train", TRAIN), ("test", TEST))}
        with translated(DataError, f"fit can't write its rows to {folder}"):
            for name, rows in sources.items():
                write(rows.table, places[name])
        data = {name: places[name] for name in sources} | sources["train"].fields
        document = {
            "name": "fit",
            "learner": {"kind": learner} if isinstance(learner, str) else learner,
            **sections,
            "data": data | _section(sections, "data"),
            "training": ({"shards": 1} if backend == "inline" else {}) | _section(sections, "training"),
            "checkpoint": ({} if keep else {"every": AT_THE_END})
            | _section(sections, "checkpoint")
            | {"path": os.path.join(folder, "job")},
            "export": os.fspath(export) if export is not None else os.path.join(folder, "models"),
        }
        with _words({places["train"]: "the table", places["test"]: "the table test"}):
            job = load_job(plain(document))
            if keep is not None:
                text = yaml.safe_dump(msgspec.to_builtins(job), sort_keys=False, allow_unicode=True)
                with translated(JobFileError, f"keep: {folder} can't be written"):
                    storage.write(os.path.join(folder, JOB), text.encode())
            try:
                outcome = run_file(job, backend, progress=progress)
            except Interrupted:
                # A program that asks for many fits, such as a search, must not take this one for a failure and go on.
                raise KeyboardInterrupt from None
        return _loaded(outcome, stored=export is not None or keep is not None, kept=keep is not None)


def _loaded(outcome: Outcome, *, stored: bool, kept: bool) -> "Model":
    """The model that a job has exported; with what is left of its folders when the fit is over.

    ``stored``: whether the model is.  ``kept``: whether its checkpoint is.
    """
    from yarnml.model.model import Model  # brings JAX, whose threads the backend sets before
    from yarnml.model.versions import read_model

    assert outcome.export
    content = read_model(outcome.export)
    left = replace(outcome, export=outcome.export if stored else None, checkpoint=outcome.checkpoint if kept else "")
    return Model(left.export or "", content, left)


def plain(value: Any) -> Any:
    """A value of a job file with Python's own numbers, lists and mappings for those of NumPy and tuples."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def _section(sections: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A section that is given, as a mapping."""
    section = sections.get(name, {})
    if not isinstance(section, Mapping):
        raise JobFileError(f"fit: {name} must be a mapping, as in a job file, not a {type(section).__name__}.")
    return dict(section)


@contextmanager
def _folder(keep: str | PathLike[str] | None) -> Iterator[str]:
    """Give a folder of this fit: one that nobody else can read and that is removed at the end, or ``keep``, new."""
    if keep is None:
        with translated(DataError, "fit needs a folder for a while"):
            temporary = tempfile.TemporaryDirectory(prefix="yarnml-", ignore_cleanup_errors=True)
        with temporary as folder:
            yield folder
        return
    path = Path(keep).absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise JobFileError(f"keep: {path} holds files already; give a new folder, or none.")
    except OSError as exc:
        raise JobFileError(f"keep: {path} can't be made: {exc}") from exc
    try:
        yield str(path)
    finally:
        if not (path / JOB).exists():  # nothing there can be gone on with
            with suppress(OSError):
                for name in (TRAIN, TEST):
                    (path / name).unlink(missing_ok=True)
                path.rmdir()


@contextmanager
def _words(places: Mapping[str, str]) -> Iterator[None]:
    """Name the tables of a fit in errors, not the files that they are written to."""
    try:
        yield
    except YarnmlError as exc:
        text = str(exc)
        for path, name in places.items():
            text = text.replace(f"file://{path}", name).replace(path, name)
        if text == str(exc):
            raise
        raise type(exc)(text, exc.detail) from exc.__cause__
