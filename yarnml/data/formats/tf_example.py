"""Rows of ``tf.train.Example``, without TensorFlow: its message by Google's protobuf, its values as Arrow's columns.

Source: tensorflow/core/example/example.proto and feature.proto.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa

from yarnml.errors import DataError, JobFileError

_LISTS = {"bytes_list": "BytesList", "float_list": "FloatList", "int64_list": "Int64List"}


@lru_cache(1)
def example_class() -> Any:
    """The class of the message Example."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as exc:
        raise JobFileError("TFRecord files need the package protobuf: pip install 'yarnml[tfrecord]'.") from exc
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="yarnml_example.proto", package="yarnml", syntax="proto3")
    for name, kind in (
        ("BytesList", kinds.TYPE_BYTES),
        ("FloatList", kinds.TYPE_FLOAT),
        ("Int64List", kinds.TYPE_INT64),
    ):
        file.message_type.add(name=name).field.add(name="value", number=1, type=kind, label=kinds.LABEL_REPEATED)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (name, kind) in enumerate(_LISTS.items(), 1):
        feature.field.add(
            name=name, number=number, type=kinds.TYPE_MESSAGE, type_name=f".yarnml.{kind}", label=kinds.LABEL_OPTIONAL,
            oneof_index=0,
        )  # fmt: skip
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
    entry.field.add(
        name="value", number=2, type=kinds.TYPE_MESSAGE, type_name=".yarnml.Feature", label=kinds.LABEL_OPTIONAL
    )
    features.field.add(
        name="feature", number=1, type=kinds.TYPE_MESSAGE, type_name=".yarnml.Features.FeatureEntry",
        label=kinds.LABEL_REPEATED,
    )  # fmt: skip
    example = file.message_type.add(name="Example")
    example.field.add(
        name="features", number=1, type=kinds.TYPE_MESSAGE, type_name=".yarnml.Features", label=kinds.LABEL_OPTIONAL
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("yarnml.Example"))


def table_of(records: Iterable[bytes], names: Sequence[str] | None, where: str) -> pa.Table:
    """The rows of encoded examples; with ``names`` these features alone.

    A feature with at most one value in every row is a column of values, else one of lists; without a value it is null.
    """
    kind = example_class()
    rows = []
    for record in records:
        try:
            rows.append(kind.FromString(record).features.feature)
        except Exception as exc:  # protobuf has errors of several kinds
            raise DataError(f"{where}: a record holds no tf.train.Example: {str(exc).splitlines()[0]}.") from exc
    chosen = sorted({name for row in rows for name in row}) if names is None else names
    columns = {name: _column([row.get(name) for row in rows], name, where) for name in chosen}
    if not columns:
        return pa.table({"": pa.nulls(len(rows))}).select([])
    return pa.table(columns)


def _column(features: list[Any], name: str, where: str) -> pa.Array:
    filled = {feature.WhichOneof("kind") for feature in features if feature is not None} - {None}
    if len(filled) > 1:
        raise DataError(f"{where}: feature '{name}' holds {' and '.join(sorted(filled))}; store one kind in all rows.")
    if not filled:
        return pa.nulls(len(features))
    kind = filled.pop()
    lists = [None if feature is None else list(getattr(feature, kind).value) or None for feature in features]
    value_type = {"float_list": pa.float32(), "int64_list": pa.int64()}.get(kind) or _text_or_bytes(lists)
    if value_type == pa.string():
        lists = [values and [value.decode() for value in values] for values in lists]
    if all(values is None or len(values) == 1 for values in lists):
        return pa.array([values and values[0] if values else None for values in lists], value_type)
    return pa.array(lists, pa.list_(value_type))


def _text_or_bytes(lists: list[Any]) -> pa.DataType:
    try:
        for values in lists:
            for value in values or ():
                value.decode()
    except UnicodeDecodeError:
        return pa.binary()
    return pa.string()
