"""A multilayer perceptron with ReLU, for classes or numbers."""

from collections.abc import Sequence
from typing import Any

import jax
from msgspec.structs import replace

from yarnml.data.schema import Schema
from yarnml.job.learners import Mlp, Normalization
from yarnml.learners.base import Key, Learner, flat
from yarnml.learners.gradient import usual_l2
from yarnml.learners.networks.head import Head
from yarnml.learners.networks.mixed import MixedLayers
from yarnml.learners.networks.network import Between, Layers, build_network, dense, init_dense, unchanged


class MlpLayers:
    """Dense layers: x [rows, *shape] → [rows, widths[-1]]."""

    def __init__(self, widths: Sequence[int], norm: Normalization) -> None:
        self._widths = widths
        self._normalized = norm != "none"

    def init(self, key: Key) -> Any:
        return init_dense(key, self._widths, self._normalized)

    def outputs(self, parameters: Any, x: jax.Array, between: Between = unchanged) -> jax.Array:
        return dense(parameters, flat(x), between)


def build(options: Mlp, schema: Schema) -> Learner:
    if options.l2 is None:
        options = replace(options, l2=2 * usual_l2(schema.rows))  # a prior of variance 1/2
    head = Head(schema, "mlp")
    norm = options.normalization
    widths = [*options.hidden, head.width]
    layers: Layers = MlpLayers([schema.width, *widths], norm)
    if any(f.ids for f in schema.features):
        layers = MixedLayers(schema, options.embedding, widths, normalized=norm != "none")
    return build_network(layers, head, options, norm, options.hidden)
