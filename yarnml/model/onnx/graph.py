"""An ONNX graph, as nodes and constants are added to it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from yarnml.errors import ExportError

OPSETS = {"": 17, "ai.onnx.ml": 3}
"""Versions of the operators, which onnxruntime has from 1.12 on."""
IR_VERSION = 8

Array = npt.NDArray[Any]


class Graph:
    """The nodes and constants of a graph; a node's result goes by its name.

    ``types``: the numbers of ONNX's types of elements, such as ``FLOAT``.
    Raises ExportError without onnx.
    """

    def __init__(self) -> None:
        try:
            import onnx  # an option
        except ImportError as exc:
            raise ExportError("ONNX files need the package onnx: pip install 'yarnml[onnx]'.") from exc
        self._onnx = onnx
        self.types: Any = onnx.TensorProto
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def node(self, operator: str, *inputs: str, name: str = "", domain: str = "", **attributes: Any) -> str:
        """Add an operator; returns the name of its result."""
        result = name or f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [result], domain=domain, **attributes))
        return result

    def constant(self, values: Array) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(self._onnx.numpy_helper.from_array(values, name))
        return name

    def two(self, share: str) -> str:
        """The shares of two classes [rows, 2], from that of the second [rows, 1]."""
        return self.node("Concat", self.node("Sub", self.constant(np.ones(1, np.float32)), share), share, axis=1)

    def column(self, matrix: str) -> str:
        """[rows]: the one column of [rows, 1]."""
        return self.node("Squeeze", matrix, self.constant(np.array([1])))

    def ascending(self, matrix: str, width: int) -> str:
        """The numbers of each row in order, of [rows, width]."""
        result = f"ascending_{len(self._nodes)}"
        count = self.constant(np.array([width]))
        ends = [result, f"{result}_places"]
        self._nodes.append(self._onnx.helper.make_node("TopK", [matrix, count], ends, axis=1, largest=0, sorted=1))
        return result

    def scaled(self, x: str, arrays: Mapping[str, Array]) -> str:
        """Scale features [rows, numbers] as the model does before it computes anything else."""
        centred = self.node("Sub", x, self.constant(arrays["scaling/mean"]))
        return self.node("Mul", centred, self.constant(arrays["scaling/factor"]))

    def bytes_of(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any], facts: Mapping[str, str]) -> bytes:
        """The file with this graph.

        ``inputs``, ``outputs``: (type, shape) by name.  ``facts``: what the file says of itself.
        """
        helper = self._onnx.helper
        ends = [[helper.make_tensor_value_info(name, *form) for name, form in end.items()] for end in (inputs, outputs)]
        graph = helper.make_graph(self._nodes, "yarnml", *ends, self._constants)
        versions = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        made = helper.make_model(graph, opset_imports=versions, ir_version=IR_VERSION, producer_name="yarnml")
        helper.set_model_props(made, dict(facts))
        self._onnx.checker.check_model(made)
        return bytes(made.SerializeToString())
