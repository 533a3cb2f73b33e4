"""A model as the bytes of an ONNX file.

The input is ``x`` [rows, numbers], prepared and not scaled, in the order of ``feature_names`` in model.json: float, and
double where features are counted from offsets.  ``outputs`` are `Model.outputs`, and ``prediction`` is `Model.predict`.
"""

from collections.abc import Mapping

import numpy as np

from yarnml.data.output_columns import names_of_numbers
from yarnml.data.schema import Schema
from yarnml.errors import ExportError
from yarnml.job import paths
from yarnml.model.onnx import linear, networks, trees
from yarnml.model.onnx.calibration import calibrated
from yarnml.model.onnx.graph import Array, Graph
from yarnml.model.versions import Content


def to_onnx(model: Content) -> bytes:
    """The bytes of an ONNX file; ExportError for a model that has no such form, or without onnx."""
    graph = Graph()
    try:
        return _file(graph, model)
    except (ValueError, KeyError, IndexError, TypeError) as exc:  # of a model that somebody else has written
        kind = model.about["learner"].get("kind")
        raise ExportError(f"The model's arrays are not those of learner.kind {kind}: {exc}.") from exc


def _file(graph: Graph, model: Content) -> bytes:
    schema = model.schema
    if schema.offset or schema.keyed:
        raise ExportError(f"A model with {'keys' if schema.keyed else 'data.offset'} has no form in ONNX here.")
    types = graph.types
    offsets = model.about["offsets"]
    x = graph.node("Sub", "x", graph.constant(np.array(offsets, np.float64))) if offsets else "x"
    x = graph.node("Cast", x, to=types.FLOAT) if offsets else x
    arrays = {name: np.asarray(array) for name, array in model.arrays.items()}
    outputs = _outputs(graph, model, arrays, x)
    outputs = graph.ascending(outputs, len(schema.quantiles)) if schema.quantiles else outputs
    outputs = _in_label_units(graph, outputs, arrays, schema)
    outputs = calibrated(graph, outputs, schema.calibration) if schema.calibration else outputs
    graph.node("Identity", outputs, name="outputs")
    label = _predict(graph, outputs, schema)
    several = [len(names_of_numbers(schema))] if names_of_numbers(schema) else []
    classes = several or ([schema.outputs] if schema.outputs else [])
    return graph.bytes_of(
        {"x": (types.DOUBLE if offsets else types.FLOAT, ["rows", schema.width])},
        {"outputs": (types.FLOAT, ["rows", *classes]), "prediction": (label, ["rows", *several])},
        {"name": model.about["name"], "digest": str(model.about.get("digests", {}).get(paths.ABOUT, ""))},
    )


def _outputs(graph: Graph, model: Content, arrays: Mapping[str, Array], x: str) -> str:
    """The outputs of the model's own kind of learner."""
    kind = model.about["learner"]["kind"]
    if "parameters/rounds" in arrays and "parameters/gain" in arrays:
        return trees.tree_outputs(graph, model, arrays, x)
    if kind in linear.KINDS:
        return linear.linear_outputs(graph, arrays, x, kind, is_several=bool(names_of_numbers(model.schema)))
    if kind in networks.KINDS:
        return networks.network_outputs(graph, model, arrays, x)
    raise ExportError(
        f"learner.kind {kind} has no form in ONNX here: linear models, trees, {', '.join(networks.KINDS)} have one."
    )


def _in_label_units(graph: Graph, outputs: str, arrays: Mapping[str, Array], schema: Schema) -> str:
    """The outputs of a learner whose label was scaled, as the label is in the data."""
    if "scaling/label/factor" not in arrays:
        return outputs
    outputs = graph.node("Div", outputs, graph.constant(arrays["scaling/label/factor"]))
    outputs = graph.node("Add", outputs, graph.constant(arrays["scaling/label/mean"]))
    return graph.node("Exp", outputs) if schema.label_scale == "log" else outputs


def _predict(graph: Graph, outputs: str, schema: Schema) -> int:
    """Add the prediction of each row; returns the type of its elements."""
    types = graph.types
    if not schema.classes:
        graph.node("Identity", outputs, name="prediction")
        return int(types.FLOAT)
    forms = {str: (types.STRING, object), int: (types.INT64, np.int64), bool: (types.INT64, np.int64)}
    label, form = forms.get(type(schema.classes[0]), (types.FLOAT, np.float32))
    values = graph.constant(np.array(schema.classes, form))
    graph.node("Gather", values, _place(graph, outputs, schema), name="prediction")
    return int(label)


def _place(graph: Graph, outputs: str, schema: Schema) -> str:
    """The place of the class of each row, or of each of its labels."""
    if schema.label_shape:
        is_second = graph.node("GreaterOrEqual", outputs, graph.constant(np.array(0.5, np.float32)))
    elif schema.threshold is None:
        return graph.node("ArgMax", outputs, axis=1, keepdims=0)
    else:
        second = graph.node("Gather", outputs, graph.constant(np.array(1, np.int64)), axis=1)
        is_second = graph.node("GreaterOrEqual", second, graph.constant(np.array(schema.threshold, np.float32)))
    return graph.node("Cast", is_second, to=graph.types.INT64)
