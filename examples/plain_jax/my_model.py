"""A perceptron with one hidden layer of tanh units, written in plain JAX."""

import jax
import jax.numpy as jnp


class Net:
    """``options`` of the job file arrive as keyword arguments."""

    def __init__(self, hidden=16):
        self.hidden = hidden

    def init(self, key, schema):
        """The parameters at the start; ``schema.width`` features per row, ``schema.outputs`` classes."""
        first, second = jax.random.split(key)
        return {
            "inner": 0.1 * jax.random.normal(first, (schema.width, self.hidden)),
            "outer": 0.1 * jax.random.normal(second, (self.hidden, schema.outputs)),
            "bias": jnp.zeros(schema.outputs),
        }

    def logits(self, parameters, x):
        return jnp.tanh(x @ parameters["inner"]) @ parameters["outer"] + parameters["bias"]

    def loss(self, parameters, x, y):
        """[rows]: one number per row."""
        return -jnp.take_along_axis(jax.nn.log_softmax(self.logits(parameters, x)), y[:, None], axis=1)[:, 0]

    def predict(self, parameters, x):
        """[rows, classes]."""
        return jax.nn.softmax(self.logits(parameters, x))
