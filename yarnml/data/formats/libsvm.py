"""The sparse text of LIBSVM, SVMlight and Spark: ``label qid:7 3:0.5 12:1``, in groups as other files of lines.

The columns are ``label``, ``features`` (a map from numbers to values) and, where the first line has it, ``qid``.
"""

import re
from typing import Any

import numpy as np
import pyarrow as pa

from yarnml.data.base import File
from yarnml.data.formats import lines
from yarnml.data.formats.lines import Records
from yarnml.errors import DataError

TYPED = True
FEATURES = pa.map_(pa.int64(), pa.float64())
_NUMBER = rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_LINE = re.compile(rb"[ \t]*(%b)((?:[ \t]+qid:\d+)?)((?:[ \t]+\d+:%b)*)[ \t\r]*(?:#[^\n]*)?" % (_NUMBER, _NUMBER))
_COMMENT = re.compile(rb"[ \t\r]*(?:#.*)?")


def _count(text: bytes) -> int:
    return len(_data_lines(text))


def _data_lines(text: bytes) -> list[bytes]:
    """The lines that hold a row: neither empty ones nor comments."""
    return [line for line in text.split(b"\n") if not _COMMENT.fullmatch(line)]


RECORDS = Records(lines.last_line_end, _count)


def inspect(fs: Any, path: str, url: str) -> tuple[pa.Schema, File]:
    """Read the file once: its rows as groups."""
    file, _, sample = lines.scan(fs, path, url, 0, RECORDS)
    has_groups = b" qid:" in (_data_lines(sample) or [b""])[0].replace(b"\t", b" ")
    fields = [("label", pa.float64()), ("features", FEATURES), *([("qid", pa.int64())] if has_groups else [])]
    if file.groups:
        _parse(_data_lines(sample)[:1], file.url)
    return pa.schema(fields), file


def read(fs: Any, path: str, file: File, group: int, columns: pa.Schema) -> pa.Table:
    place = file.groups[group]
    _, body = lines.read_text(fs, path, file, group, 0)
    return _parse(_data_lines(body), f"{file.url} from byte {place.start} on").select(columns.names)


def head(fs: Any, path: str, file: File, columns: pa.Schema, rows: int) -> pa.Table:
    return read(fs, path, file, 0, columns).slice(0, rows)


def _parse(rows: list[bytes], where: str) -> pa.Table:
    labels = []
    groups = []
    pairs = []
    for row in rows:
        match = _LINE.fullmatch(row)
        if match is None:
            raise DataError(
                f"{where} is not readable libsvm: a line is 'label number:value number:value …', but one begins with "
                f"{row[:40].decode(errors='replace')!r}."
            )
        labels.append(float(match[1]))
        groups.append(int(match[2].rpartition(b":")[2]) if match[2] else None)
        pairs.append(match[3].split())
    counts = np.cumsum([0, *map(len, pairs)])
    parts = [pair.split(b":") for row_pairs in pairs for pair in row_pairs]
    keys = pa.array(np.array([int(key) for key, _ in parts], np.int64))
    values = pa.array(np.array([float(value) for _, value in parts], np.float64))
    features = pa.MapArray.from_arrays(pa.array(counts, pa.int32()), keys, values)
    return pa.table({"label": labels, "features": features, "qid": pa.array(groups, pa.int64())})
