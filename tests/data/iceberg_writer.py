"""Files of Iceberg tables that pyiceberg has no words for: on any storage, and files of deletes."""

import json
import struct
import zlib
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import orc
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
from pyroaring import BitMap

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


def with_deletes(
    table: Table, format: str, places: list[int], content: DataFileContent = DataFileContent.POSITION_DELETES
) -> None:
    """Commit a file of deletes of the first data file to the newest snapshot, as Spark's merge-on-read does."""

    class Deletes(ManifestWriterV2):
        def content(self) -> ManifestContent:
            return ManifestContent.DELETES

    snapshot = table.current_snapshot()
    assert snapshot
    task = min(table.scan().plan_files(), key=lambda task: task.file.file_path)
    deletes = f"{table.location()}/data/deletes.{format.lower()}"
    path = deletes.removeprefix("file://")
    rows = pa.table({"file_path": [task.file.file_path] * len(places), "pos": places})
    if format == "PUFFIN":
        Path(path).write_bytes(deletion_vector(task.file.file_path, places))
    else:
        (pq if format == "PARQUET" else orc).write_table(rows, path)
    entry_file = DataFile.from_args(
        content=content,
        file_path=deletes,
        file_format=FileFormat[format],
        partition=task.file.partition,
        record_count=len(places),
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


def deletion_vector(url: str, places: list[int]) -> bytes:
    """A Puffin file with one deletion vector, by hand.

    Source: https://iceberg.apache.org/puffin-spec/#deletion-vector-v1-blob-type.
    """
    bitmap = BitMap(places).serialize()
    vector = struct.pack("<i", 0xD1D33964 - 2**32) + struct.pack("<qI", 1, 0) + bitmap
    blob = struct.pack(">I", len(vector)) + vector + struct.pack(">I", zlib.crc32(vector))
    properties = {"referenced-data-file": url, "cardinality": str(len(places))}
    about = {
        "type": "deletion-vector-v1",
        "fields": [],
        "snapshot-id": -1,
        "sequence-number": -1,
        "properties": properties,
    }
    footer = json.dumps({"blobs": [about | {"offset": 4, "length": len(blob)}], "properties": {}}).encode()
    return b"PFA1" + blob + b"PFA1" + footer + struct.pack("<iI", len(footer), 0) + b"PFA1"
