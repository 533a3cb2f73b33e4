"""Random numbers for rows: the same on every worker, in any batch, and after a restart.

They are a function of the seed, the step and the row's features.  So equal rows of a step share theirs, as they must:
a row of weight 2 is the row twice.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.learners.base import Key, flat


def key_of(seed: int) -> Key:
    """The key ``jax.random.key(seed)``, of a seed below 2**32, without a program that would be compiled for it."""
    settings: Any = jax.config
    if settings.jax_default_prng_impl != "threefry2x32":
        return jax.random.key(seed)
    words: Any = np.array([0, seed], np.uint32)
    return jax.random.wrap_key_data(words)


class Noise(NamedTuple):
    """The source of random numbers at a step; ``seed`` is a uint32."""

    seed: jax.Array
    step: jax.Array

    def keys(self, x: jax.Array) -> jax.Array:
        """A key for every row, [rows]; x [rows, *shape]."""
        key = jax.random.fold_in(jax.random.key(self.seed), self.step)
        return jax.vmap(lambda number: jax.random.fold_in(key, number))(_hashes(flat(x)))

    def next_step(self) -> "Noise":
        """The source at the next step."""
        return self._replace(step=self.step + 1)


def first_noise(key: Key) -> Noise:
    """The source at step 0; ``key`` may be used for other things too."""
    return Noise(jax.random.bits(key, (), jnp.uint32), jnp.zeros((), jnp.int32))


def dropout(x: jax.Array, keys: jax.Array, rate: float) -> jax.Array:
    """Set a part ``rate`` of the numbers of x [rows, *shape] to 0, and make the others larger, so that the mean stays.

    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 2014.
    """
    kept = jax.vmap(lambda key: jax.random.bernoulli(key, 1.0 - rate, x.shape[1:]))(keys)
    return jnp.where(kept, x / (1.0 - rate), 0.0)


def layer_keys(keys: jax.Array, layer: int) -> jax.Array:
    """Derive keys for the same rows, other ones for each layer of a network."""
    return jax.vmap(lambda key: jax.random.fold_in(key, layer))(keys)


def _hashes(x: jax.Array) -> jax.Array:
    """A number below 2^32 for every row, out of the bits of its numbers and their places."""
    odd = mix_bits(jnp.arange(1, x.shape[1] + 1, dtype=jnp.uint32)) | 1
    return mix_bits(jnp.sum(mix_bits(jax.lax.bitcast_convert_type(x, jnp.uint32)) * odd, axis=1, dtype=jnp.uint32))


def mix_bits(bits: Any) -> Any:
    """Scramble uint32 numbers by the finaliser of MurmurHash3: every bit of the result depends on every bit.

    Takes arrays of NumPy's or JAX's, and returns the same kind.
    """
    bits = (bits ^ (bits >> 16)) * np.uint32(0x85EBCA6B)
    bits = (bits ^ (bits >> 13)) * np.uint32(0xC2B2AE35)
    return bits ^ (bits >> 16)
