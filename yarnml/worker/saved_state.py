"""Checkpoints and models of a learner's state: its first worker writes them for all, and every worker reads them.

Of a table that other processes own they write and read the rows; the first worker tells them to.
"""

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from yarnml.checkpoint.state_files import read_state, table_files
from yarnml.checkpoint.writer import CheckpointWriter, write_checkpoint
from yarnml.control.commands import Save
from yarnml.control.reports import Done, Report, Saved
from yarnml.errors import CheckpointError, translated
from yarnml.job import paths
from yarnml.model.export import write_model
from yarnml.reduce.owner_files import read_rows
from yarnml.storage import tensors
from yarnml.storage.integrity import TornFile
from yarnml.worker.replica import Replica
from yarnml.worker.residual_transfer import ResidualTransfer
from yarnml.worker.tasks import Tasks
from yarnml.worker.training import Training


class SavedState:
    """One worker's part in checkpoints and models.

    ``notify`` hears of each checkpoint that was written beside the training, in the thread that wrote it.
    ``residuals``: the way to those of other workers' shards.
    """

    def __init__(self, notify: Callable[[Saved], None], residuals: ResidualTransfer) -> None:
        self._residuals = residuals
        self._writer = CheckpointWriter(notify)

    def check(self) -> None:
        """Raise what went wrong with a checkpoint that is written beside the training, once."""
        self._writer.check()

    def drop(self) -> None:
        """Forget a checkpoint that is being written: nobody wants it any more."""
        self._writer.drop()

    def finish(self) -> Report:
        """Wait for the checkpoint that is being written."""
        return self._writer.finish() or Done()

    def restore(self, training: Training, step: int, folder: str | None, tasks: Tasks) -> None:
        """Take the state after ``step`` from a checkpoint's folder; None for the first state, which a replica has."""
        replica = training.replica
        arrays = _arrays(folder, replica) if folder else None
        if replica.owned is not None and tasks.leads:
            replica.owned.begin(training.folder, step, table_files(folder) if folder else [])
            replica.fill_parts(step, arrays)
        if folder and arrays is not None:
            replica.load(arrays, folder)
        if step == 0:
            replica.drain()  # states before the first one belong to the training that this one starts from
        if folder and training.has_residuals:
            training.residuals.restore(folder, step, tasks.shards)

    def save(self, training: Training, save: Save, tasks: Tasks) -> Report:
        """Write the state, or have a thread write it while the training goes on."""
        replica = training.replica
        if not tasks.leads:
            self._residuals.offer(training.residuals, replica.step, tasks.shards)
            return Done()
        histograms = training.job.monitor.histograms
        rest: Callable[[], dict[str, str]] = dict
        if training.has_residuals:
            rest = self._residuals.checkpoint(training.residuals, replica.step, save.folder, tasks)
        replica.model()  # refuses a state that is not finite: no training can go on from it
        data = tensors.pack(replica.tensors())
        self._writer.finish()  # owners write one checkpoint at a time, too
        if replica.owned is not None:
            updates = None if save.since is None else replica.step - save.since
            rest = replica.owned.save(save.folder, updates, replica.states.older)
        if not save.beside:
            return write_checkpoint(save.folder, data, histograms=histograms, wait_for_rest=rest)
        self._writer.begin(save.folder, data, histograms=histograms, wait_for_rest=rest)
        return Done()

    def export(self, replica: Replica, folder: str, about: dict[str, Any]) -> None:
        """Write the model."""
        write_model(folder, replica.model(), replica.stablehlo(), about, replica.table())


def _arrays(folder: str, replica: Replica) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a checkpoint that a worker keeps: all rows of a table, unless other processes own them."""
    arrays = read_state(folder)
    layers = table_files(folder)
    is_apart = any(paths.part_of_table(name) for layer in layers for name in layer.files)
    if replica.owned is not None or not is_apart:
        return arrays
    with translated(CheckpointError, f"The table in {folder} can't be read", also=(TornFile, KeyError, ValueError)):
        return arrays | replica.arrays_of(read_rows(layers, 0, 2**64))
