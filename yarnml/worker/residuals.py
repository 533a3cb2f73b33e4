"""The residuals of a worker's shards: what of their gradients has not travelled yet, and is added to the next ones.

A residual belongs to a shard, not to a worker: it is a function of the job, the data and the step.  So it follows its
shard when members change, and a checkpoint has those of all shards.  Only the worker of a shard has its residual: where
that worker is lost, the rounds go back to the newest checkpoint.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from yarnml import storage
from yarnml.checkpoint.state_files import read_files
from yarnml.data.arrays import Array
from yarnml.errors import CheckpointError, translated
from yarnml.job import paths
from yarnml.storage import integrity
from yarnml.storage.tensors import pack, unpack

_NAME = "residual"


class Residuals:
    """Residuals by shard, as they are before the newest steps.

    When members change, a step that this worker has mapped may have to be mapped again.  So each shard has
    ``delay`` + 2 of them: a worker maps up to ``delay`` + 1 steps that are not part of the newest state.
    Before step 0 a residual is 0.
    """

    def __init__(self, delay: int) -> None:
        self._count = delay + 2
        self._residuals: dict[int, dict[int, Array]] = {}  # shard → step before which it is so → residual

    def before(self, shard: int, step: int) -> Array | None:
        """The residual of a shard before a step; None for 0.  KeyError where this worker does not have it."""
        return None if step == 0 else self._residuals[shard][step]

    def put(self, shard: int, step: int, residual: Array) -> None:
        """Take in what is left before ``step``; those of later steps no longer count."""
        recent = {at: r for at, r in self._residuals.get(shard, {}).items() if at < step} | {step: residual}
        self._residuals[shard] = dict(sorted(recent.items())[-self._count :])

    def keep(self, shards: Iterable[int]) -> None:
        """Forget the residuals of all other shards."""
        self._residuals = {shard: self._residuals[shard] for shard in shards if shard in self._residuals}

    @property
    def steps(self) -> dict[int, list[int]]:
        """By shard, the steps before which its residual can be had."""
        return {shard: list(recent) for shard, recent in self._residuals.items()}

    def packing(self, shard: int, step: int) -> Callable[[], bytearray]:
        """A function, for any later time, that gives the residual of a shard before a step as it is stored and sent."""
        return partial(pack, {_NAME: self._residuals[shard][step]})

    def load(self, shard: int, step: int, data: bytes) -> None:
        """Take in what `packing` gave; ValueError or KeyError for anything else."""
        self.put(shard, step, unpack(data)[_NAME])

    def restore(self, folder: str, step: int, shards: Iterable[int]) -> None:
        """Take the residuals of these shards from a checkpoint's folder; CheckpointError where it is torn."""
        self._residuals.clear()
        own = [*shards]
        for shard, data in zip(own, read_files(folder, map(paths.residual, own)), strict=True):
            self.load(shard, step, data)


def write_residuals(folder: str, residuals: Mapping[int, Callable[[], bytes | bytearray]]) -> dict[str, str]:
    """Write the residuals of shards into a checkpoint's folder, one after another; returns file name → SHA-256.

    ``residuals``: shard → a function that gets it, packed.
    """
    files = {}
    for shard, get in residuals.items():
        data = get()
        name = paths.residual(shard)
        with translated(CheckpointError, f"The residuals can't be written to {folder}"):
            storage.write(storage.join(folder, name), data)
        files[name] = integrity.digest_of(data)
    return files
