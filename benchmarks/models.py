"""The networks that all peers train: the same functions, the same start."""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class Net:
    """A ReLU network.  With one output: cross entropy of a 0/1 label; else squared error to tanh of the mirrored x."""

    def __init__(self, widths: list[int]) -> None:
        self.widths = widths

    def init(self, key: Any, schema: Any = None) -> Any:
        keys = jax.random.split(key, len(self.widths) - 1)
        pairs = zip(keys, self.widths[:-1], self.widths[1:], strict=True)
        return [(jax.random.normal(k, (a, b)) * (2 / a) ** 0.5, jnp.zeros(b)) for k, a, b in pairs]

    def outputs(self, parameters: Any, x: jax.Array) -> jax.Array:
        for weight, bias in parameters[:-1]:
            x = jax.nn.relu(x @ weight + bias)
        return x @ parameters[-1][0] + parameters[-1][1]

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self.outputs(parameters, x)[:, 0]

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        z = self.outputs(parameters, x)
        if self.widths[-1] == 1:
            return jnp.logaddexp(0.0, z[:, 0]) - y * z[:, 0]
        return jnp.mean(jnp.square(z - jnp.tanh(x[:, ::-1])), axis=1)


class Accelerated(Net):
    """A network that takes ``seconds`` more for its rows, in which no core is busy: an accelerator would take them."""

    def __init__(self, widths: list[int], seconds: float) -> None:
        super().__init__(widths)
        self._seconds = seconds

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        like = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return super().loss(parameters, jax.pure_callback(self._wait, like, x, vmap_method="sequential"), y)

    def _wait(self, x: jax.Array) -> np.ndarray[Any, Any]:
        time.sleep(self._seconds)
        return np.asarray(x)


class Idle:
    """One number that looks at one feature: next to nothing to compute, but every row has to be there."""

    def init(self, key: Any, schema: Any = None) -> Any:
        return {"bias": jnp.zeros(())}

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return parameters["bias"] * x[:, 0]

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return self.predict(parameters, x)
