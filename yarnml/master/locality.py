"""The places of a job's training bytes: asked of the storage once, used for every assignment, reported at the end."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property

from yarnml import storage
from yarnml.data.base import Dataset
from yarnml.master.placement import local_share, place, racks, shard_bytes
from yarnml.storage import Block


class Locality:
    """The bytes of each shard by host, as far as the storage tells.

    It is asked beside whatever else goes on: of ten thousand files it takes seconds, in which workers start.
    """

    def __init__(self, dataset: Dataset, shards: int) -> None:
        self._dataset = dataset
        self._shards = shards
        self._located: Future[dict[str, list[Block]]] = Future()
        threading.Thread(target=self._locate, daemon=True, name="locality").start()

    def _locate(self) -> None:
        try:
            self._located.set_result(storage.locations(file.url for file in self._dataset.files))
        except BaseException as exc:  # it is raised where the places are asked for
            self._located.set_exception(exc)

    @cached_property
    def _racks(self) -> Mapping[str, str]:
        return racks(self._located.result())

    @cached_property
    def _bytes(self) -> Sequence[Mapping[str, int]]:
        return shard_bytes(self._dataset, self._shards, self._located.result())

    def place(self, workers: Mapping[int, str]) -> dict[int, list[int]]:
        """Assign the shards to workers near their bytes; ``workers``: index → host."""
        return place(self._bytes, self._racks, workers)

    def share(self, workers: Mapping[int, str]) -> float | None:
        """The share of bytes that workers read from their own host; None where the storage tells no places."""
        if not self._racks:
            return None
        return local_share(self.place(workers), self._dataset, self._bytes, workers)
