"""HDFS by hdfs-native: the NameNodes' and DataNodes' own protocols, without Java."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from yarnml.errors import JobFileError
from yarnml.storage import permissions
from yarnml.storage.base import Entry, Sink, Source
from yarnml.storage.errors import fault
from yarnml.storage.hadoop_config import Configuration
from yarnml.storage.security import tokens, truststore

SOCKET_SECONDS = 10
"""Longest silence of a DataNode before another replica is read."""


class Native:
    """A client of the HDFS behind the host part of an hdfs:// URL.

    ``first``: the number of the NameNode that is tried first.

    The library gets the whole Hadoop configuration, since it looks for it in fewer places than Hadoop does.
    """

    def __init__(self, authority: str, settings: Configuration, umask: int, first: int) -> None:
        import hdfs_native

        nodes = settings.name_nodes(authority)
        self._umask = umask
        self._acls_inherit = settings.get("dfs.namenode.posix.acl.inheritance.enabled") != "false"
        values = {"dfs.client.socket-timeout": str(1000 * SOCKET_SECONDS), **settings.items()}
        values["dfs.client.failover.max.attempts"] = str(len(nodes))  # its own repeats would use up our deadline
        served = authority in settings.name_services
        if served and len(nodes) > 1:
            ids = [name.strip() for name in settings.get(f"dfs.ha.namenodes.{authority}").split(",")]
            values[f"dfs.ha.namenodes.{authority}"] = ",".join(ids[first:] + ids[:first])
        if not served:
            tokens.complete(nodes[0].rpc)
        if not tokens.in_container():  # where it takes a ticket, also for the key server of encryption zones
            with suppress(JobFileError):  # a truststore that is not here matters only to who needs it
                truststore.export(settings)
        self._client: Any = hdfs_native.Client(f"hdfs://{authority if served else nodes[0].rpc}", values)

    def info(self, path: str) -> Entry:
        return next(iter(_entries([self._client.get_file_info(path)])))

    def ls(self, path: str) -> list[Entry]:
        return list(_entries(self._client.list_status(path)))

    def makedirs(self, path: str) -> None:
        try:
            self._client.get_file_info(path)
        except Exception as exc:
            if not isinstance(fault(exc, path, ""), FileNotFoundError):
                raise
            self._client.mkdirs(path, self._mode(path, permissions.FOLDER), True)

    def protect(self, path: str) -> None:
        self._client.set_permission(path, permissions.PRIVATE)

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        self._client.rename(old, new, replace)

    def remove(self, path: str) -> None:
        self._client.delete(path, True)

    def open(self, path: str) -> Source:
        return _Source(self._client.read(path))

    def create(self, path: str) -> Sink:
        import hdfs_native

        mode = self._mode(path, permissions.FILE)
        return _Sink(self._client.create(path, hdfs_native.WriteOptions(overwrite=True, permission=mode)))

    def _mode(self, path: str, mode: int) -> int:
        """The permissions to ask for: where the folder above has a default ACL, that decides and not the umask.

        Hadoop's own client sends both and leaves the choice to the NameNode; this library can send one only.
        """
        inherits = self._acls_inherit and self._has_default_acl(path.rpartition("/")[0] or "/")
        return mode if inherits else mode & ~self._umask

    def _has_default_acl(self, folder: str) -> bool:
        try:
            entries = self._client.get_acl_status(folder).entries
        except Exception as exc:
            missing = isinstance(fault(exc, folder, ""), FileNotFoundError) and folder != "/"
            return missing and self._has_default_acl(folder.rpartition("/")[0] or "/")
        return any(entry.scope == "default" for entry in entries)


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
    return (Entry(s.path, s.length, s.isdir, s.modification_time / 1000) for s in statuses)
