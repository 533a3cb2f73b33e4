"""An equinox perceptron as a yarnml model."""

import equinox as eqx
import jax
import optax


class Net:
    def init(self, key, schema):
        module = eqx.nn.MLP(schema.width, schema.outputs, width_size=64, depth=2, key=key)
        parameters, self.rest = eqx.partition(module, eqx.is_inexact_array)
        return parameters

    def logits(self, parameters, x):
        return jax.vmap(eqx.combine(parameters, self.rest))(x)

    def loss(self, parameters, x, y):
        return optax.softmax_cross_entropy_with_integer_labels(self.logits(parameters, x), y)

    def predict(self, parameters, x):
        return jax.nn.softmax(self.logits(parameters, x))
