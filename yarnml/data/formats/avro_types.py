"""The types of Avro's schemas as Arrow's."""

from typing import Any

import pyarrow as pa

PLAIN = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
    "enum": pa.string(),
}
LOGICAL = {
    "date": pa.date32(),
    "time-millis": pa.time32("ms"),
    "time-micros": pa.time64("us"),
    "timestamp-millis": pa.timestamp("ms", "UTC"),
    "timestamp-micros": pa.timestamp("us", "UTC"),
    "local-timestamp-millis": pa.timestamp("ms"),
    "local-timestamp-micros": pa.timestamp("us"),
    "uuid": pa.string(),
}
UNREADABLE = pa.struct([])
"""Stands for a type that nothing here can take."""


def arrow_fields(schema: dict[str, Any]) -> dict[str, pa.DataType]:
    """The fields of a record's schema, each with its type."""
    names: dict[str, pa.DataType] = {}
    return {field["name"]: arrow_type(field["type"], names) for field in schema["fields"]}


def arrow_type(schema: Any, names: dict[str, pa.DataType]) -> pa.DataType:
    """The type for values of an Avro schema; of a union those of its one kind, with nulls.

    ``names``: types that have a name, which a schema gives once and then uses; new ones are added.
    """
    if isinstance(schema, list):
        return _of_union([arrow_type(kind, names) for kind in schema if kind != "null"])
    if isinstance(schema, str):
        return names.get(schema, PLAIN.get(schema, UNREADABLE))
    kind = _of_mapping(schema, names)
    if "name" in schema:
        names[schema["name"]] = kind
    return kind


def _of_mapping(schema: dict[str, Any], names: dict[str, pa.DataType]) -> pa.DataType:
    logical = schema.get("logicalType")
    if logical == "decimal":
        return pa.decimal128(schema["precision"], schema.get("scale", 0))
    if logical in LOGICAL:
        return LOGICAL[logical]
    match schema["type"]:
        case "array":
            return pa.list_(arrow_type(schema["items"], names))
        case "map":
            return pa.map_(pa.string(), arrow_type(schema["values"], names))
        case "fixed":
            return pa.binary(schema["size"])
        case "record" | "error":
            return pa.struct([(field["name"], arrow_type(field["type"], names)) for field in schema["fields"]])
        case kind:
            return arrow_type(kind, names)


def _of_union(kinds: list[pa.DataType]) -> pa.DataType:
    types = set(kinds)
    if len(types) == 1:
        return types.pop()
    if not types:
        return pa.null()
    if all(pa.types.is_integer(kind) for kind in types):
        return pa.int64()
    if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in types):
        return pa.float64()
    return UNREADABLE
