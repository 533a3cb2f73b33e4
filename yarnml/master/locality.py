"""The places of a job's training bytes: asked of the storage once, used for every assignment, reported at the end."""

from collections.abc import Mapping

from yarnml import storage
from yarnml.data.base import Dataset
from yarnml.master.placement import local_share, place, racks, shard_bytes


class Locality:
    """The bytes of each shard by host, as far as the storage tells."""

    def __init__(self, dataset: Dataset, shards: int) -> None:
        located = storage.locations(file.url for file in dataset.files)
        self._dataset = dataset
        self._shards = shard_bytes(dataset, shards, located)
        self._racks = racks(located)

    def place(self, workers: Mapping[int, str]) -> dict[int, list[int]]:
        """Assign the shards to workers near their bytes; ``workers``: index → host."""
        return place(self._shards, self._racks, workers)

    def share(self, workers: Mapping[int, str]) -> float | None:
        """The share of bytes that workers read from their own host; None where the storage tells no places."""
        if not self._racks:
            return None
        return local_share(self.place(workers), self._dataset, self._shards, workers)
