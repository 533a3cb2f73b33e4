"""One table of tests in every format that is read, written by its own library."""

import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import google_crc32c
import pyarrow as pa
import pyarrow.csv
import pyarrow.orc
import pyarrow.parquet as pq

from yarnml.data.formats.tf_example import example_class

Save = Callable[[pa.Table, Path], None]

ROWS_OF_GROUP = 20


def save_parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, row_group_size=ROWS_OF_GROUP)


def save_csv(table: pa.Table, path: Path) -> None:
    pyarrow.csv.write_csv(table, path)


def save_gzipped_csv(table: pa.Table, path: Path) -> None:
    pyarrow.csv.write_csv(table, path)
    path.write_bytes(gzip.compress(path.read_bytes()))


def save_orc(table: pa.Table, path: Path, compression: str = "uncompressed") -> None:
    pyarrow.orc.write_table(table, path, stripe_size=64, batch_size=ROWS_OF_GROUP, compression=compression)


def save_arrow(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_file(path, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table, max_chunksize=ROWS_OF_GROUP)


def save_arrow_stream(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=ROWS_OF_GROUP)


AVRO = {"double": "double", "int64": "long", "string": "string", "bool": "boolean"}


def save_avro(table: pa.Table, path: Path, codec: str = "snappy") -> None:
    fields = [{"name": f.name, "type": ["null", AVRO[str(f.type)]]} for f in table.schema]
    schema = {"type": "record", "name": "row", "fields": fields}
    with open(path, "wb") as file:
        fastavro.writer(file, schema, table.to_pylist(), codec=codec, sync_interval=300)


def save_json(table: pa.Table, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


def record(content: bytes) -> bytes:
    """A record of TFRecord, with its checksums."""

    def masked(data: bytes) -> int:
        crc = google_crc32c.value(data)
        return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32

    length = struct.pack("<Q", len(content))
    return length + struct.pack("<I", masked(length)) + content + struct.pack("<I", masked(content))


def save_tfrecord(table: pa.Table, path: Path) -> None:
    records = []
    for row in table.to_pylist():
        example = example_class()()
        for name, value in row.items():
            feature = example.features.feature[name]
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, str):
                    feature.bytes_list.value.append(one.encode())
                elif isinstance(one, float):
                    feature.float_list.value.append(one)
                elif one is not None:
                    feature.int64_list.value.append(int(one))
        records.append(record(example.SerializeToString()))
    path.write_bytes(b"".join(records))


SAVES: dict[str, Save] = {
    "parquet": save_parquet,
    "csv": save_csv,
    "csv.gz": save_gzipped_csv,
    "orc": save_orc,
    "arrow": save_arrow,
    "arrows": save_arrow_stream,
    "avro": save_avro,
    "jsonl": save_json,
    "tfrecord": save_tfrecord,
}
"""By the ending of the file's name."""

LINES = ("csv", "csv.gz", "jsonl")


def save(table: pa.Table, path: Path) -> str:
    """Write a table in the format that the ending of the name tells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    SAVES[path.name.partition(".")[2]](table, path)
    return str(path)


def sample(rows: int = 100) -> pa.Table:
    """Numbers, whole numbers, text and a label, whose values every format holds exactly."""
    columns: dict[str, Any] = {
        "y": [["cat", "dog", "ox"][n % 3] for n in range(rows)],
        "skipped": [f"text {n}" for n in range(rows)],
        "x": [n / 4 - 3 for n in range(rows)],
        "count": [n * 7 for n in range(rows)],
        "word": [["a", "b b", "c,c"][n // 2 % 3] for n in range(rows)],
    }
    return pa.table(columns)
