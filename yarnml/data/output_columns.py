"""The names of a model's outputs, and of the columns that predictions are written to."""

from yarnml.data.schema import Schema


def names_of_numbers(schema: Schema) -> tuple[str, ...]:
    """Name the predictions of a row where it has several: its labels, or the quantiles of one; none of a single one."""
    several = schema.labels if schema.label_shape else ()
    return tuple(f"{share:g}" for share in schema.quantiles) or several


def names_of_outputs(schema: Schema) -> tuple[str, ...]:
    """Name the outputs for a row: of several predictions, or of classes; none where there is a single number."""
    return names_of_numbers(schema) or tuple(map(str, schema.classes or ()))


def prediction_columns(schema: Schema) -> list[str]:
    """Name the columns of predictions: one, or of several labels or quantiles one for each."""
    return [f"prediction_{name}" for name in names_of_numbers(schema)] or ["prediction"]


def probability_columns(schema: Schema) -> list[str]:
    """Name the columns of probabilities: a list of those of all classes, or of several labels one for each."""
    return [f"probability_{name}" for name in schema.labels] if schema.label_shape else ["probabilities"]
