"""A linear model as ONNX operators."""

from collections.abc import Mapping

import numpy as np

from yarnml.model.onnx.graph import Array, Graph

IDENTITY = ("linear", "huber", "quantile")
EXPONENTIAL = ("poisson", "gamma", "negative_binomial")
KINDS = (*IDENTITY, *EXPONENTIAL, "logistic", "svm", "softmax", "ordinal")


def linear_outputs(graph: Graph, arrays: Mapping[str, Array], x: str, kind: str, *, is_several: bool) -> str:
    """The outputs of a linear model, [rows, classes] or [rows]; of several labels [rows, labels]."""
    scaled = graph.scaled(x, arrays)
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
    flat = graph.column(score)
    return graph.node("Exp", flat) if kind in EXPONENTIAL else flat


def _ordered(graph: Graph, odds: str, boundaries: int) -> str:
    """The probabilities of classes in order, from the odds that a label lies above each boundary."""
    one, zero = (graph.constant(np.array(value, np.float32)) for value in (1.0, 0.0))
    above = graph.node("Pad", graph.node("Sigmoid", odds), graph.constant(np.array([0, 1, 0, 0])), one)
    above = graph.node("Pad", above, graph.constant(np.array([0, 0, 0, 1])), zero)
    axis = graph.constant(np.array([1]))
    start, second, last, end = (graph.constant(np.array([k])) for k in (0, 1, boundaries + 1, boundaries + 2))
    lower = graph.node("Slice", above, start, last, axis)
    return graph.node("Relu", graph.node("Sub", lower, graph.node("Slice", above, second, end, axis)))
