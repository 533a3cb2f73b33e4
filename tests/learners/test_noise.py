"""Keys of random numbers."""

import jax
import pytest

from yarnml.learners.noise import key_of


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1])
def test_keys_need_no_program(seed: int) -> None:
    """A key of random numbers is JAX's own, though nothing is compiled for it."""
    key = key_of(seed)
    assert key.dtype == jax.random.key(seed).dtype
    assert jax.random.key_data(key).tolist() == jax.random.key_data(jax.random.key(seed)).tolist()
