"""Requirements of learners on the schema, refused in one sentence where they do not hold."""

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError


def needs_number_label(schema: Schema, kind: str) -> None:
    """Refuse a class label, by a JobFileError."""
    if schema.label_type != "number":
        raise JobFileError(
            f"learner.kind {kind} predicts numbers, but '{schema.labels[0]}' is a class label; "
            "set data.label_type: number, or choose logistic, softmax, svm, mlp or cnn."
        )


def needs_classes(schema: Schema, kind: str, exactly: int | None = None) -> None:
    """Refuse a label that holds numbers, fewer than two classes, or another number than ``exactly``; JobFileError."""
    if schema.label_type != "class":
        raise JobFileError(
            f"learner.kind {kind} predicts classes, but '{schema.labels[0]}' holds numbers; "
            "set data.label_type: class, or choose linear, mlp or cnn."
        )
    if schema.outputs < 2:
        raise JobFileError(f"learner.kind {kind} needs two classes or more; '{schema.label}' has {schema.outputs}.")
    if exactly is not None and schema.outputs != exactly:
        raise JobFileError(
            f"learner.kind {kind} needs {exactly} classes, but '{schema.label}' has {schema.outputs}; choose softmax."
        )
