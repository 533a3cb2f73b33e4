"""A model of trees as ONNX's operator ``TreeEnsembleRegressor``, and what makes its outputs of the sums of leaves."""

from collections.abc import Mapping, Sequence
from typing import Any

from yarnml.data.output_columns import names_of_numbers
from yarnml.errors import ExportError
from yarnml.model.onnx.graph import Array, Graph
from yarnml.model.versions import Content

_OF_NODES = ("treeids", "nodeids", "featureids", "values", "truenodeids", "falsenodeids", "missing_value_tracks_true")
_OF_LEAVES = ("treeids", "nodeids", "ids", "weights")


def tree_outputs(graph: Graph, model: Content, arrays: Mapping[str, Array], x: str) -> str:
    """The outputs of trees, [rows, classes] or [rows]."""
    learner = model.about["learner"]
    trees = _attributes(arrays, learner["categorical"])
    scores = graph.node("TreeEnsembleRegressor", x, domain="ai.onnx.ml", **trees)
    is_boosting = learner["kind"] == "boosting"
    if learner.get("objective") == "custom":
        raise ExportError("A model with an objective of your own has no form in ONNX here.")
    if names_of_numbers(model.schema):
        return scores
    if not model.schema.classes:
        flat = graph.column(scores)
        is_logarithm = learner.get("objective") in ("poisson", "gamma", "tweedie", "aft")
        return graph.node("Exp", flat) if is_logarithm else flat
    if trees["n_targets"] > 1:
        return graph.node("Softmax", scores, axis=1) if is_boosting else scores
    return graph.two(graph.node("Sigmoid", scores) if is_boosting else scores)


def _attributes(arrays: Mapping[str, Array], categorical: Sequence[str]) -> dict[str, Any]:
    """The attributes for all trees of all rounds; ExportError where some splits take sets of categories."""
    if categorical:
        raise ExportError(
            f"learner.categorical {', '.join(categorical)}: splits by sets of categories have no form in ONNX here."
        )
    base = arrays["parameters/base"]
    columns: dict[str, list[Any]] = {f"nodes_{name}": [] for name in (*_OF_NODES, "modes")}
    columns |= {f"target_{name}": [] for name in _OF_LEAVES}
    number = 0
    for round in range(int(arrays["parameters/rounds"])):
        for tree in range(arrays["parameters/feature"].shape[1]):
            _add_tree(columns, arrays, round, tree, number)
            number += 1
    return {"n_targets": len(base), "base_values": base.tolist(), "aggregate_function": "SUM", **columns}


def _add_tree(columns: dict[str, list[Any]], arrays: Mapping[str, Array], round: int, tree: int, number: int) -> None:
    feature, threshold, left, child, leaf = (
        arrays[f"parameters/{name}"][round, tree] for name in ("feature", "threshold", "left", "child", "leaf")
    )
    scores = len(arrays["parameters/base"])
    share = float(arrays["parameters/share"])
    waiting = [0]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if node in seen:
            raise ValueError(f"node {node} of a tree is below two others")
        seen.add(node)
        is_split = feature[node] >= 0
        below = [int(child[node]), int(child[node]) + 1] if is_split else [0, 0]
        waiting += below if is_split else []
        split = int(feature[node]), float(threshold[node]), *below, int(left[node])
        values = (number, node, *(split if is_split else (0, 0.0, 0, 0, 0)))
        for name, value in zip(_OF_NODES, values, strict=True):
            columns[f"nodes_{name}"].append(value)
        columns["nodes_modes"].append("BRANCH_LEQ" if is_split else "LEAF")
        for place, output in enumerate([] if is_split else leaf[node].tolist()):
            target = (tree * leaf.shape[1] + place) % scores
            for name, value in zip(_OF_LEAVES, (number, node, target, output * share), strict=True):
                columns[f"target_{name}"].append(value)
