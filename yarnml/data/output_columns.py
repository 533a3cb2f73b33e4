"""The names of the columns that predictions are written to."""

from yarnml.data.schema import Schema


def prediction_columns(schema: Schema) -> list[str]:
    """Name the columns of predictions: one, or of several labels one for each."""
    return [f"prediction_{name}" for name in schema.labels] if schema.label_shape else ["prediction"]


def probability_columns(schema: Schema) -> list[str]:
    """Name the columns of probabilities: a list of those of all classes, or of several labels one for each."""
    return [f"probability_{name}" for name in schema.labels] if schema.label_shape else ["probabilities"]
