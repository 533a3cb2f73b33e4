"""The first bytes of files, which say what they are whatever their names."""

from typing import Any

COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
"""Codecs that are read, by Arrow's names."""

FORMATS = {
    b"PAR1": "parquet",
    b"ORC": "orc",
    b"Obj\x01": "avro",
    b"ARROW1": "arrow",
}
"""Formats by the first bytes of their files."""

FOREIGN = {
    b"\xfd7zXZ": "compressed with xz",
    b"PK\x03\x04": "a zip archive, such as a spreadsheet",
    b"PAR1": "a Parquet file",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
    b"ARROW1": "an Arrow file",
    b"SEQ": "a SequenceFile of Hadoop",
    b"RCF": "an RCFile of Hive",
    b"\x89HDF": "an HDF5 file",
    b"%PDF": "a PDF document",
}
"""Files that hold no lines of text, in words."""

WORDS = (b"PAR1", b"ORC", b"SEQ", b"RCF", b"ARROW1")
"""Beginnings that text may have, too; behind them such files have bytes that no text has."""

LENGTH = 8
"""Bytes that tell a file."""


def first_bytes(fs: Any, path: str) -> bytes:
    """The first bytes of a file; fewer where it has fewer."""
    with fs.open_input_file(path) as source:
        return bytes(source.read(LENGTH))


def named(beginning: bytes, names: dict[bytes, str]) -> str | None:
    """The name that belongs to the beginning of a file; None for text that begins so, with a column such as ORCID."""
    sign = next((magic for magic in names if beginning.startswith(magic)), None)
    return None if sign is None or (sign in WORDS and _is_text(beginning)) else names[sign]


def _is_text(beginning: bytes) -> bool:
    return len(beginning) == LENGTH and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in beginning)
