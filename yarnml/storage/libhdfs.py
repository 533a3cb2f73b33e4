"""HDFS by libhdfs, the C library of a Hadoop distribution, which runs Hadoop's own Java client in this process.

Chosen with YARNML_HDFS=libhdfs, where hdfs-native lacks what a cluster needs.
"""

from typing import Any

from yarnml.storage.base import Entry, Sink, Source
from yarnml.storage.hadoop_config import Configuration


class LibHdfs:
    """A client of the HDFS behind the host part of an hdfs:// URL; ValueError where the library is not there."""

    def __init__(self, authority: str, settings: Configuration) -> None:
        from pyarrow.fs import HadoopFileSystem

        host = authority
        port = 0  # for a name service, which has none
        if authority not in settings.name_services:
            host, _, number = settings.name_nodes(authority)[0].rpc.rpartition(":")
            port = int(number)
        try:
            self._fs: Any = HadoopFileSystem(host, port)
        except OSError as exc:
            if "Unable to load" not in str(exc):
                raise
            library = str(exc).splitlines()[0].removeprefix("Unable to load ")
            raise ValueError(
                f"YARNML_HDFS is libhdfs, but {library} can't be loaded; set JAVA_HOME, HADOOP_HOME, ARROW_LIBHDFS_DIR "
                "and CLASSPATH (to what 'hadoop classpath --glob' prints), or unset YARNML_HDFS for hdfs-native."
            ) from exc

    def info(self, path: str) -> Entry:
        info = self._fs.get_file_info(path)
        if not info.type:
            raise FileNotFoundError(path)
        return _entry(info)

    def ls(self, path: str) -> list[Entry]:
        from pyarrow.fs import FileSelector

        if not self.info(path).folder:
            return [self.info(path)]
        return [_entry(info) for info in self._fs.get_file_info(FileSelector(path))]

    def makedirs(self, path: str) -> None:
        self._fs.create_dir(path, recursive=True)

    def protect(self, path: str) -> None:
        """Do nothing: libhdfs can't by way of pyarrow; the umask of the configuration holds, as everywhere here."""

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        if self._fs.get_file_info(new).type:
            if not replace:
                raise FileExistsError(new)
            self.remove(new)  # libhdfs can't replace in one step
        self.info(old)  # raises FileNotFoundError, where the library would say less
        self._fs.move(old, new)

    def remove(self, path: str) -> None:
        info = self._fs.get_file_info(path)
        if info.type:
            (self._fs.delete_dir if _entry(info).folder else self._fs.delete_file)(path)

    def open(self, path: str) -> Source:
        self.info(path)
        return _Source(self._fs.open_input_file(path))

    def create(self, path: str) -> Sink:
        return self._fs.open_output_stream(path)


class _Source:
    def __init__(self, file: Any) -> None:
        self._file = file
        self.size = file.size()

    def read(self, start: int, length: int) -> bytes:
        return self._file.read_at(length, start)


def _entry(info: Any) -> Entry:
    from pyarrow.fs import FileType

    return Entry(info.path, info.size or 0, info.type == FileType.Directory, (info.mtime_ns or 0) / 1e9)
