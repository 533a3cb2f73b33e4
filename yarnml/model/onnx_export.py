"""A linear model, or one of trees, as an ONNX graph of standard operators: for programs that are not Python.

The input is ``x`` [rows, numbers], prepared and not scaled, in the order of ``feature_names`` in model.json: float, and
double where features are counted from offsets.  ``outputs`` are `Model.outputs`, and ``prediction`` is `Model.predict`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from yarnml.data.calibration import LEAST_SHARE, Calibration
from yarnml.errors import ExportError
from yarnml.job import paths
from yarnml.model.onnx_trees import tree_attributes
from yarnml.model.versions import Content

OPSETS = {"": 17, "ai.onnx.ml": 3}
"""Versions of the operators, which onnxruntime has from 1.12 on."""
IR_VERSION = 8

IDENTITY = ("linear", "huber", "quantile")
EXPONENTIAL = ("poisson", "gamma", "negative_binomial")

Array = npt.NDArray[Any]


def to_onnx(model: Content) -> bytes:
    """The bytes of an ONNX file; ExportError for a model that is neither linear nor of trees, or without onnx."""
    onnx = _library()
    graph = _Graph(onnx.helper, onnx.numpy_helper)
    arrays = {name: np.asarray(array) for name, array in model.arrays.items()}
    schema = model.schema
    kind = model.about["learner"]["kind"]
    offsets = model.about["offsets"]
    if schema.offset or schema.keyed:
        raise ExportError(f"A model with {'keys' if schema.keyed else 'data.offset'} has no form in ONNX here.")
    x = graph.node("Sub", "x", graph.constant(np.array(offsets, np.float64))) if offsets else "x"
    x = graph.node("Cast", x, to=onnx.TensorProto.FLOAT) if offsets else x
    if "parameters/rounds" in arrays and "parameters/gain" in arrays:
        outputs = _of_trees(graph, model, arrays, x)
    elif kind in (*IDENTITY, *EXPONENTIAL, "logistic", "svm", "softmax", "ordinal"):
        outputs = _of_linear(graph, arrays, x, kind, is_several=bool(schema.label_shape))
    else:
        raise ExportError(f"learner.kind {kind} has no form in ONNX here: linear models and trees have one.")
    if "scaling/label/factor" in arrays:
        outputs = graph.node("Div", outputs, graph.constant(arrays["scaling/label/factor"]))
        outputs = graph.node("Add", outputs, graph.constant(arrays["scaling/label/mean"]))
        outputs = graph.node("Exp", outputs) if schema.label_scale == "log" else outputs
    outputs = _calibrated(graph, outputs, schema.calibration, onnx) if schema.calibration else outputs
    graph.node("Identity", outputs, name="outputs")
    kinds = onnx.TensorProto
    label = kinds.FLOAT
    if schema.classes:
        if schema.label_shape:
            half = graph.constant(np.array(0.5, np.float32))
            place = graph.node("Cast", graph.node("GreaterOrEqual", outputs, half), to=kinds.INT64)
        else:
            place = _place(graph, outputs, schema.threshold, kinds.INT64)
        is_text = isinstance(schema.classes[0], str)
        label = kinds.STRING if is_text else kinds.INT64 if isinstance(schema.classes[0], int) else kinds.FLOAT
        values = np.array(schema.classes, object if is_text else None)
        values = values.astype(np.float32) if label == kinds.FLOAT else values if is_text else values.astype(np.int64)
        graph.node("Gather", graph.constant(values), place, name="prediction")
    else:
        graph.node("Identity", outputs, name="prediction")
    return graph.bytes_of(model, onnx, kinds.DOUBLE if offsets else kinds.FLOAT, label)


def _library() -> Any:
    try:
        import onnx  # an option
    except ImportError as exc:
        raise ExportError("ONNX files need the package onnx: pip install 'yarnml[onnx]'.") from exc
    return onnx


class _Graph:
    """The nodes and constants of a graph, as they are added; a node's result goes by its name."""

    def __init__(self, helper: Any, arrays: Any) -> None:
        self._helper = helper
        self._arrays = arrays
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def node(self, operator: str, *inputs: str, name: str = "", domain: str = "", **attributes: Any) -> str:
        """Add an operator; returns the name of its result."""
        result = name or f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(operator, inputs, [result], domain=domain, **attributes))
        return result

    def constant(self, values: Array) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(self._arrays.from_array(values, name))
        return name

    def two(self, share: str) -> str:
        """The shares of two classes [rows, 2], from that of the second [rows, 1]."""
        return self.node("Concat", self.node("Sub", self.constant(np.ones(1, np.float32)), share), share, axis=1)

    def bytes_of(self, model: Content, onnx: Any, x: int, label: int) -> bytes:
        """The file with this graph."""
        helper = self._helper
        labels = list(model.schema.label_shape)
        classes = labels or ([len(model.schema.classes)] if model.schema.classes else [])
        graph = helper.make_graph(
            self._nodes,
            "yarnml",
            [helper.make_tensor_value_info("x", x, ["rows", model.schema.width])],
            [
                helper.make_tensor_value_info("outputs", onnx.TensorProto.FLOAT, ["rows", *classes]),
                helper.make_tensor_value_info("prediction", label, ["rows", *labels]),
            ],
            self._constants,
        )
        versions = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        made = helper.make_model(graph, opset_imports=versions, ir_version=IR_VERSION, producer_name="yarnml")
        helper.set_model_props(
            made, {"name": model.about["name"], "digest": str(model.about.get("digests", {}).get(paths.ABOUT, ""))}
        )
        onnx.checker.check_model(made)
        return bytes(made.SerializeToString())


def _of_linear(graph: _Graph, arrays: Mapping[str, Array], x: str, kind: str, *, is_several: bool) -> str:
    """The outputs of a linear model, [rows, classes] or [rows]; of several labels [rows, labels]."""
    centred = graph.node("Sub", x, graph.constant(arrays["scaling/mean"]))
    scaled = graph.node("Mul", centred, graph.constant(arrays["scaling/factor"]))
    weight = arrays["parameters/weight"]
    matrix = weight if weight.ndim > 1 else weight[:, None]
    product = graph.node("MatMul", scaled, graph.constant(matrix))
    score = graph.node("Add", product, graph.constant(arrays["parameters/bias"]))
    if is_several:
        return graph.node("Sigmoid" if kind == "logistic" else "Exp" if kind in EXPONENTIAL else "Identity", score)
    if kind == "softmax":
        return graph.node("Softmax", score, axis=1)
    if kind == "logistic":
        return graph.two(graph.node("Sigmoid", score))
    if kind == "svm":
        half = graph.constant(np.array([0.5], np.float32))
        return graph.two(graph.node("Add", graph.node("Mul", score, half), half))
    if kind == "ordinal":
        return _ordered(graph, score, len(arrays["parameters/bias"]))
    flat = graph.node("Squeeze", score, graph.constant(np.array([1])))
    return graph.node("Exp", flat) if kind in EXPONENTIAL else flat


def _ordered(graph: _Graph, odds: str, boundaries: int) -> str:
    """The probabilities of classes in order, from the odds that a label lies above each boundary."""
    one, zero = (graph.constant(np.array(value, np.float32)) for value in (1.0, 0.0))
    above = graph.node("Pad", graph.node("Sigmoid", odds), graph.constant(np.array([0, 1, 0, 0])), one)
    above = graph.node("Pad", above, graph.constant(np.array([0, 0, 0, 1])), zero)
    axis = graph.constant(np.array([1]))
    start, second, last, end = (graph.constant(np.array([k])) for k in (0, 1, boundaries + 1, boundaries + 2))
    lower = graph.node("Slice", above, start, last, axis)
    return graph.node("Relu", graph.node("Sub", lower, graph.node("Slice", above, second, end, axis)))


def _of_trees(graph: _Graph, model: Content, arrays: Mapping[str, Array], x: str) -> str:
    """The outputs of trees, [rows, classes] or [rows]."""
    learner = model.about["learner"]
    trees = tree_attributes(arrays, learner["categorical"])
    scores = graph.node("TreeEnsembleRegressor", x, domain="ai.onnx.ml", **trees)
    is_boosting = learner["kind"] == "boosting"
    if learner.get("objective") == "custom":
        raise ExportError("A model with an objective of your own has no form in ONNX here.")
    if model.schema.label_shape:
        return scores
    if not model.schema.classes:
        flat = graph.node("Squeeze", scores, graph.constant(np.array([1])))
        is_logarithm = learner.get("objective") in ("poisson", "gamma", "tweedie", "aft")
        return graph.node("Exp", flat) if is_logarithm else flat
    if trees["n_targets"] > 1:
        return graph.node("Softmax", scores, axis=1) if is_boosting else scores
    return graph.two(graph.node("Sigmoid", scores) if is_boosting else scores)


def _calibrated(graph: _Graph, outputs: str, calibration: Calibration, onnx: Any) -> str:
    """The outputs of two classes, [rows, 2], as `Calibration.apply` makes them, in float64 between."""

    def number(*values: float) -> str:
        return graph.constant(np.array(values, np.float64))

    second = graph.node("Gather", outputs, graph.constant(np.array([1], np.int64)), axis=1)
    share = graph.node("Cast", second, to=onnx.TensorProto.DOUBLE)
    if calibration.score == "margin":
        score = graph.node("Sub", graph.node("Mul", share, number(2)), number(1))
    else:
        share = graph.node("Min", graph.node("Max", share, number(LEAST_SHARE)), number(1 - LEAST_SHARE))
        score = graph.node("Log", graph.node("Div", share, graph.node("Sub", number(1), share)))
    if calibration.kind == "platt":
        slope, offset = calibration.scores
        share = graph.node("Sigmoid", graph.node("Add", graph.node("Mul", score, number(slope)), number(offset)))
    else:  # the sum of what each line between two points adds
        points = np.array(calibration.scores)
        lengths = np.diff(points)
        slopes = np.diff(calibration.shares) / lengths
        way = graph.node("Max", graph.node("Sub", score, number(*points[:-1])), number(0))
        way = graph.node("Min", way, number(*lengths))
        share = graph.node("MatMul", way, graph.constant(slopes[:, None]))
        share = graph.node("Add", share, number(calibration.shares[0]))
    return graph.two(graph.node("Cast", share, to=onnx.TensorProto.FLOAT))


def _place(graph: _Graph, outputs: str, threshold: float | None, whole: int) -> str:
    """The place of the class of each row; ``whole``: the type of whole numbers."""
    if threshold is None:
        return graph.node("ArgMax", outputs, axis=1, keepdims=0)
    second = graph.node("Gather", outputs, graph.constant(np.array(1, np.int64)), axis=1)
    is_second = graph.node("GreaterOrEqual", second, graph.constant(np.array(threshold, np.float32)))
    return graph.node("Cast", is_second, to=whole)
