"""A neural network as ONNX operators: dense layers, convolutions, and means of embeddings.

Hidden layers compute in float32, also those that were trained in bfloat16.  Weights of int8 stay so.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from yarnml.data.schema import Feature
from yarnml.job.prepare import PADDING, UNKNOWN
from yarnml.model.onnx.graph import Array, Graph
from yarnml.model.versions import Content

KINDS = ("mlp", "cnn", "embedding_bag")
EPSILON = 1e-5
"""A number that normalisation adds to every variance."""


def network_outputs(graph: Graph, model: Content, arrays: Mapping[str, Array], x: str) -> str:
    """The outputs of a network, [rows, classes], [rows] or, of several labels, [rows, labels]."""
    learner = model.about["learner"]
    layers = _Layers(graph, arrays, learner.get("normalization", "none"))
    x = graph.scaled(x, arrays)
    names = [f"dense/{number}" for number in range(len(learner["hidden"]) + 1)]
    match learner["kind"]:
        case "mlp" if any(feature.ids for feature in model.schema.features):
            x = layers.mixed(x, model.schema.features)
            outputs = layers.dense(x, names)
        case "mlp":
            outputs = layers.dense(x, [name.removeprefix("dense/") for name in names])
        case "cnn":
            blocks = len(learner["channels"])
            x = layers.blocks(x, model.schema.shape or (), blocks)
            outputs = layers.dense(x, names, first=blocks)
        case _:
            x = layers.mean_of_words(x, "words", model.schema.features)
            outputs = layers.dense(x, names)
    match model.schema.task:
        case "class":
            return graph.node("Softmax", outputs, axis=1)
        case "multilabel":
            return graph.node("Sigmoid", outputs)
        case "multioutput" | "quantiles":
            return outputs
        case _:
            return graph.column(outputs)


class _Layers:
    """The layers of one network.  ``normalization``: of its hidden layers, by number."""

    def __init__(self, graph: Graph, arrays: Mapping[str, Array], normalization: str) -> None:
        self._graph = graph
        self._arrays = arrays
        self._normalization = normalization
        self._folder = "parameters/layers/" if normalization == "batch" else "parameters/"

    def dense(self, x: str, names: Sequence[str], first: int = 0) -> str:
        """[rows, inputs] → [rows, outputs], with ReLU between layers; ``first``: the number of the first one."""
        for number, name in enumerate(names[:-1], first):
            x = self._hidden(self._graph.node("MatMul", x, self._weight(name)), name, number)
        product = self._graph.node("MatMul", x, self._weight(names[-1]))
        return self._graph.node("Add", product, self._constant(f"{names[-1]}/bias"))

    def blocks(self, x: str, shape: Sequence[int], count: int) -> str:
        """[rows, numbers] of images of this shape → [rows, numbers] behind convolutions and pooling."""
        graph = self._graph
        x = graph.node("Reshape", x, graph.constant(np.array([-1, *shape])))
        for number in range(count):
            name = f"blocks/{number}"
            x = graph.node("Transpose", x, perm=[0, 3, 1, 2])  # ONNX has the channels first
            weight = graph.node("Transpose", self._weight(name), perm=[3, 2, 0, 1])
            x = graph.node("Conv", x, weight, pads=[1, 1, 1, 1])
            x = self._hidden(graph.node("Transpose", x, perm=[0, 2, 3, 1]), name, number)
            x = graph.node("Transpose", x, perm=[0, 3, 1, 2])
            x = graph.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
            x = graph.node("Transpose", x, perm=[0, 2, 3, 1])
        return graph.node("Flatten", x, axis=1)

    def mixed(self, x: str, features: Sequence[Feature]) -> str:
        """[rows, numbers and ids] → [rows, numbers]: the numbers, and each column's mean of embeddings."""
        graph = self._graph
        ends = np.cumsum([feature.width for feature in features])
        columns = [np.arange(end - feature.width, end) for feature, end in zip(features, ends, strict=True)]
        numbers = [own for own, feature in zip(columns, features, strict=True) if not feature.ids]
        parts = [graph.node("Gather", x, graph.constant(np.concatenate(numbers)), axis=1)] if numbers else []
        first = 0
        for own, feature in zip(columns, features, strict=True):
            if feature.ids:
                ids = graph.node("Gather", x, graph.constant(own), axis=1)
                parts.append(self.mean_of_words(ids, "embeddings", [feature], first))
                first += feature.ids
        return graph.node("Concat", *parts, axis=1)

    def mean_of_words(self, x: str, table: str, features: Sequence[Feature], start: int = 0) -> str:
        """[rows, ids of words] → [rows, embedding]: the mean of the words' embeddings, 0 without any.

        ``start``: the place in the table of the first column's first id.
        """
        graph = self._graph
        counts = [feature.ids for feature in features]
        widths = [feature.width for feature in features]
        zero = graph.constant(np.array(0, np.float32))
        is_whole = graph.node("Equal", x, graph.node("Floor", x))
        is_below = graph.node("Less", x, graph.constant(np.repeat(counts, widths).astype(np.float32)))
        is_known = graph.node("And", graph.node("And", is_whole, is_below), graph.node("GreaterOrEqual", x, zero))
        ids = graph.node("Where", is_known, x, graph.constant(np.array(UNKNOWN, np.float32)))
        is_word = graph.node("Not", graph.node("Equal", ids, graph.constant(np.array(PADDING, np.float32))))
        share = graph.node("Cast", is_word, to=graph.types.FLOAT)
        first = graph.constant(np.repeat(np.cumsum([start, *counts[:-1]]), widths))
        places = graph.node("Add", graph.node("Cast", ids, to=graph.types.INT64), first)
        words = graph.node("Gather", self._stored(table), places)
        words = graph.node("Mul", words, graph.node("Unsqueeze", share, graph.constant(np.array([2]))))
        axis = graph.constant(np.array([1]))
        total = graph.node("ReduceSum", words, axis, keepdims=0)
        count = graph.node("ReduceSum", share, axis)
        return graph.node("Div", total, graph.node("Max", count, graph.constant(np.array(1, np.float32))))

    def _hidden(self, x: str, name: str, number: int) -> str:
        """The outputs of a hidden layer, from the product with its weights, […, width]."""
        graph = self._graph
        if self._normalization == "layer":
            width = len(self._arrays[f"{self._folder}{name}/bias"])
            one = graph.constant(np.ones(width, np.float32))
            x = graph.node("LayerNormalization", x, one, axis=-1, epsilon=EPSILON)
        elif self._normalization == "batch":
            mean, variance = (self._arrays[f"parameters/moments/{number}/{part}"] for part in ("mean", "variance"))
            x = graph.node("Sub", x, graph.constant(mean))
            x = graph.node("Mul", x, graph.constant((1 / np.sqrt(variance + EPSILON)).astype(np.float32)))
        if (gain := self._arrays.get(f"{self._folder}{name}/gain")) is not None:
            x = graph.node("Mul", x, graph.constant(1 + gain))
        return graph.node("Relu", graph.node("Add", x, self._constant(f"{name}/bias")))

    def _constant(self, name: str) -> str:
        return self._graph.constant(self._arrays[self._folder + name])

    def _weight(self, name: str) -> str:
        return self._stored(f"{name}/weight")

    def _stored(self, name: str) -> str:
        """Weights as numbers to compute with."""
        graph = self._graph
        name = self._folder + name
        values = self._arrays[name]
        if values.dtype == np.int8:  # with DequantizeLinear onnxruntime would round activations, too
            whole = graph.node("Cast", graph.constant(values), to=graph.types.FLOAT)
            return graph.node("Mul", whole, graph.constant(self._arrays[f"quantised/{name}"]))
        if values.dtype == np.uint16:  # the upper halves of float32
            values = (values.astype(np.uint32) << 16).view(np.float32)
        return graph.constant(values)
