"""A calibration as ONNX operators, in float64 between."""

import numpy as np

from yarnml.data.calibration import LEAST_PROBABILITY, LEAST_SHARE, Calibration, Curve
from yarnml.model.onnx.graph import Graph


def calibrated(graph: Graph, outputs: str, calibration: Calibration) -> str:
    """The outputs [rows, classes] as `Calibration.apply` makes them."""
    wide = graph.node("Cast", outputs, to=graph.types.DOUBLE)
    if calibration.kind == "temperature":
        logarithms = graph.node("Log", graph.node("Max", wide, _number(graph, LEAST_PROBABILITY)))
        scaled = graph.node("Mul", logarithms, _number(graph, calibration.scores[0]))
        return graph.node("Cast", graph.node("Softmax", scaled, axis=1), to=graph.types.FLOAT)
    if not calibration.curves:
        share = _share(graph, wide, 1, calibration.score, Curve(calibration.scores, calibration.shares))
        return graph.two(graph.node("Cast", share, to=graph.types.FLOAT))
    own = [_share(graph, wide, k, calibration.score, curve) for k, curve in enumerate(calibration.curves)]
    shares = graph.node("Concat", *own, axis=1)
    total = graph.node("ReduceSum", shares, graph.constant(np.array([1])))
    is_none = graph.node("Equal", total, _number(graph, 0))
    even = _number(graph, 1 / len(own))
    shares = graph.node("Where", is_none, even, graph.node("Div", shares, total))
    return graph.node("Cast", shares, to=graph.types.FLOAT)


def _share(graph: Graph, outputs: str, place: int, kind: str, curve: Curve) -> str:
    """[rows, 1]: the share of the class at a place of the outputs [rows, classes]; ``kind``: of its score."""
    share = graph.node("Gather", outputs, graph.constant(np.array([place], np.int64)), axis=1)
    if kind == "margin":
        score = graph.node("Sub", graph.node("Mul", share, _number(graph, 2)), _number(graph, 1))
    else:
        share = graph.node(
            "Min", graph.node("Max", share, _number(graph, LEAST_SHARE)), _number(graph, 1 - LEAST_SHARE)
        )
        score = graph.node("Log", graph.node("Div", share, graph.node("Sub", _number(graph, 1), share)))
    if not curve.shares:
        slope, offset = curve.scores
        return graph.node(
            "Sigmoid", graph.node("Add", graph.node("Mul", score, _number(graph, slope)), _number(graph, offset))
        )
    # The sum of what each line between two points adds.
    points = np.array(curve.scores)
    lengths = np.diff(points)
    slopes = np.diff(curve.shares) / lengths
    way = graph.node("Max", graph.node("Sub", score, _number(graph, *points[:-1])), _number(graph, 0))
    way = graph.node("Min", way, _number(graph, *lengths))
    return graph.node(
        "Add", graph.node("MatMul", way, graph.constant(slopes[:, None])), _number(graph, curve.shares[0])
    )


def _number(graph: Graph, *values: float) -> str:
    return graph.constant(np.array(values, np.float64))
