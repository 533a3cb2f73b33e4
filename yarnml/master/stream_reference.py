"""The rows of a stream's first training, by which the drift of later ones is measured: ``reference.json``."""

import msgspec
import numpy as np

from yarnml import storage
from yarnml.checkpoint.store import reachable
from yarnml.control.reports import RowsCounted
from yarnml.errors import CheckpointError
from yarnml.job import paths
from yarnml.master.drift import Reference, edges_of, indices
from yarnml.master.rounds import Rounds

SHOWN_COLUMNS = 10
"""Of those that have drifted most."""


def count_reference(job_folder: str, rounds: Rounds) -> None:
    """Count the rows of the first training at its last state, unless that is done."""
    file = storage.join(job_folder, paths.REFERENCE)
    with reachable(job_folder):
        if storage.exists(file):
            return
    edges = edges_of(np.array(rounds.count([]).sums))
    counted = rounds.count(edges)
    with reachable(job_folder):
        storage.write(file, msgspec.json.encode(Reference(counted.columns, edges, counted.sums)))


def read_reference(job_folder: str) -> Reference | None:
    """Return the reference; None where there is none."""
    file = storage.join(job_folder, paths.REFERENCE)
    with reachable(job_folder):
        try:
            data = storage.read(file)
        except FileNotFoundError:
            return None
    try:
        return msgspec.json.decode(data, type=Reference)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise CheckpointError(
            f"{file} is not what a job wrote ({exc}); take it from a copy, or remove it to go on without PSI."
        ) from exc


def forget_reference(job_folder: str) -> None:
    with reachable(job_folder):
        storage.remove_file(storage.join(job_folder, paths.REFERENCE))


def psi_of(reference: Reference | None, counted: RowsCounted | None) -> dict[str, float]:
    """The largest PSI of columns, the largest first; empty where nothing is counted."""
    if reference is None or counted is None:
        return {}
    psi = indices(reference, np.array(counted.sums))
    return dict(sorted(psi.items(), key=lambda item: -item[1])[:SHOWN_COLUMNS])
