"""HDFS by hdfs-native: the NameNodes' and DataNodes' own protocols, without Java."""

from collections.abc import Iterable
from typing import Any

from yarnml.storage.base import Entry, Sink, Source
from yarnml.storage.hadoop_config import Configuration

SOCKET_SECONDS = 10
"""Longest silence of a DataNode before another replica is read."""


class Native:
    """A client of the HDFS behind the host part of an hdfs:// URL.

    ``first``: the number of the NameNode that is tried first.

    The library gets the whole Hadoop configuration, since it looks for it in fewer places than Hadoop does.
    """

    def __init__(self, authority: str, settings: Configuration, first: int) -> None:
        import hdfs_native

        nodes = settings.name_nodes(authority)
        values = {"dfs.client.socket-timeout": str(1000 * SOCKET_SECONDS), **settings.items()}
        values["dfs.client.failover.max.attempts"] = str(len(nodes))  # its own repeats would use up our deadline
        served = authority in settings.name_services
        if served and len(nodes) > 1:
            ids = [name.strip() for name in settings.get(f"dfs.ha.namenodes.{authority}").split(",")]
            values[f"dfs.ha.namenodes.{authority}"] = ",".join(ids[first:] + ids[:first])
        self._client: Any = hdfs_native.Client(f"hdfs://{authority if served else nodes[0].rpc}", values)

    def info(self, path: str) -> Entry:
        return next(iter(_entries([self._client.get_file_info(path)])))

    def ls(self, path: str) -> list[Entry]:
        return list(_entries(self._client.list_status(path)))

    def makedirs(self, path: str) -> None:
        self._client.mkdirs(path, 0o755, True)

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        self._client.rename(old, new, replace)

    def remove(self, path: str) -> None:
        self._client.delete(path, True)

    def open(self, path: str) -> Source:
        return _Source(self._client.read(path))

    def create(self, path: str) -> Sink:
        import hdfs_native

        return _Sink(self._client.create(path, hdfs_native.WriteOptions(overwrite=True)))


class _Source:
    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.size = len(reader)

    def read(self, start: int, length: int) -> bytes:
        return self._reader.read_range(start, length)


class _Sink:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, data: memoryview) -> None:
        self._writer.write(data)

    def close(self) -> None:
        self._writer.close()


def _entries(statuses: Iterable[Any]) -> Iterable[Entry]:
    return (Entry(status.path, status.length, status.isdir) for status in statuses)
