"""Fields: the columns that become keys, and crosses of them."""

from yarnml.data.crosses import crosses_of
from yarnml.data.schema import Schema


def fields_of(schema: Schema) -> int:
    """The number of fields, one for each column and for each cross."""
    return len(schema.keyed) + len(crosses_of(schema))
