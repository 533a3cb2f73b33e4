"""A flax network as a yarnml model, in the module form: the file itself has init, loss and predict."""

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

module = nn.Sequential([nn.Dense(64), nn.relu, nn.LayerNorm(), nn.Dense(10)])


def init(key, schema):
    return module.init(key, jnp.zeros((1, schema.width)))


def loss(parameters, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(module.apply(parameters, x), y)


def predict(parameters, x):
    return jax.nn.softmax(module.apply(parameters, x))
