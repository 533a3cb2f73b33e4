"""Files of Iceberg tables that pyiceberg has no words for: on any storage, and files of deletes."""

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io import InputFile, OutputFile
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.table import Table

from yarnml import storage
from yarnml.data.snapshots.iceberg_files import StorageFile, StorageIO


class _Stream(BytesIO):
    """Bytes that become a file when they are closed."""

    def __init__(self, location: str) -> None:
        super().__init__()
        self._location = location

    def close(self) -> None:
        if not self.closed:
            storage.write(self._location, self.getvalue())
        super().close()


class WrittenFile(OutputFile):
    """A new file."""

    def __len__(self) -> int:
        return storage.size(self.location)

    def exists(self) -> bool:
        return storage.exists(self.location)

    def to_input_file(self) -> InputFile:
        return StorageFile(self.location)

    def create(self, overwrite: bool = False) -> BytesIO:
        return _Stream(self.location)


class WriterIO(StorageIO):
    """Files that are read and written."""

    def new_output(self, location: str) -> OutputFile:  # type: ignore[override]
        return WrittenFile(location)


def with_positional_deletes(table: Table) -> None:
    """Commit a file of deletes to the newest snapshot, as Spark's merge-on-read does."""

    class Deletes(ManifestWriterV2):
        def content(self) -> ManifestContent:
            return ManifestContent.DELETES

    snapshot = table.current_snapshot()
    assert snapshot
    task = next(iter(table.scan().plan_files()))
    deletes = f"{table.location()}/data/deletes.parquet"
    rows = pa.table({"file_path": [task.file.file_path], "pos": [0]})
    pq.write_table(rows, deletes.removeprefix("file://"))
    entry_file = DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path=deletes,
        file_format=FileFormat.PARQUET,
        partition=task.file.partition,
        record_count=1,
        file_size_in_bytes=1,
    )
    entry_file._spec_id = task.file.spec_id
    where = f"{table.location()}/metadata/deletes.avro"
    number = snapshot.snapshot_id
    with Deletes(
        table.specs()[task.file.spec_id], table.schema(), table.io.new_output(where), number, "null"
    ) as writer:
        writer.add(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=number, data_file=entry_file))
    manifests = [*snapshot.manifests(table.io), writer.to_manifest_file()]
    output = table.io.new_output(snapshot.manifest_list)
    with write_manifest_list(2, output, number, None, snapshot.sequence_number, "null") as listed:
        listed.add_manifests(manifests)
