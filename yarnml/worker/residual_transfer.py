"""The way of residuals between workers: to the worker that computes a shard now, and to a checkpoint."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from yarnml.errors import WorkerLost
from yarnml.reduce.base import AllReduce
from yarnml.worker.residuals import Residuals, write_residuals
from yarnml.worker.tasks import Tasks


class ResidualTransfer:
    """One worker's part in it."""

    def __init__(self, allreduce: AllReduce) -> None:
        self._allreduce = allreduce

    def offer(self, residuals: Residuals, step: int, shards: Iterable[int]) -> None:
        """Let others fetch the residuals before a step of these shards, as far as this worker has them."""
        steps = residuals.steps
        for shard in shards:
            if step in steps.get(shard, []):
                self._allreduce.publish(step, residuals.packing(shard, step)(), _name(shard))

    def take(self, residuals: Residuals, step: int, addresses: Mapping[int, str], shards: Iterable[int]) -> None:
        """Fetch the residuals before a step of these shards that this worker does not have.

        ``addresses``: shard → where its residual is served; empty where there is none.
        """
        steps = residuals.steps
        for shard in shards:
            if shard in addresses and step not in steps.get(shard, []):
                try:
                    residuals.load(shard, step, self._allreduce.fetch(addresses[shard], step, _name(shard)))
                except (KeyError, ValueError) as exc:
                    raise WorkerLost(f"{addresses[shard]} sent no residual of shard {shard}: {exc}") from exc

    def checkpoint(self, residuals: Residuals, step: int, folder: str, tasks: Tasks) -> Callable[[], dict[str, str]]:
        """A function, for any thread, that writes the residuals of all shards before a step into a folder.

        The other workers have to offer theirs.  It returns file name → SHA-256.
        """
        steps = residuals.steps
        getters: dict[int, Callable[[], bytes | bytearray]] = {}
        for shard, address in tasks.addresses.items():
            if step in steps.get(shard, []):
                getters[shard] = residuals.packing(shard, step)
            else:
                getters[shard] = partial(self._allreduce.fetch, address, step, _name(shard))
        return partial(write_residuals, folder, getters)


def _name(shard: int) -> str:
    return f"residual of shard {shard}"
