"""Dense ReLU layers of a model with tables, whose weights follow the rules of rows."""

from collections.abc import Sequence
from math import sqrt

import jax

from yarnml.learners.tables.base import DenseBlock
from yarnml.sparse.block import Block
from yarnml.sparse.rules import RowRule


class DenseLayers:
    """Layers inputs → widths[0] → widths[1] → …, with ReLU behind each, and a last one to ``outputs`` numbers, if any.

    Weights begin even between -√(6 / inputs) and √(6 / inputs) of their layer, biases at 0.  He et al., "Delving Deep
    into Rectifiers", ICCV 2015.

    ``name``: begins the names of its parameters.
    """

    def __init__(self, name: str, inputs: int, widths: Sequence[int], rule: RowRule, outputs: int) -> None:
        self._outputs = outputs
        self._names = []
        blocks: list[DenseBlock] = []
        for number, width in enumerate([*widths, *([outputs] if outputs else [])]):
            names = f"{name}_{number}_weights", f"{name}_{number}_bias"
            self._names.append(names)
            blocks.append(DenseBlock(Block(names[0], width, rule, sqrt(6 / max(1, inputs))), inputs))
            blocks.append(DenseBlock(Block(names[1], width, rule), 1))
            inputs = width
        self.blocks = tuple(blocks)
        self.width = inputs

    def __call__(self, dense: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        """[rows, inputs] → [rows, width]."""
        for number, (weights, bias) in enumerate(self._names):
            x = x @ dense[weights] + dense[bias]
            if not (self._outputs and number == len(self._names) - 1):
                x = jax.nn.relu(x)
        return x
