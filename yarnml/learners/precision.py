"""Arithmetic in float64, which JAX leaves out unless it is asked for: for learners whose sums cancel in float32."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import jax


@runtime_checkable
class Exact(Protocol):
    """A learner whose functions compute in float64 and must be called within `precision_of` it.

    Its parameters are float32, and so is what it predicts.
    """

    exact: bool


def float64() -> AbstractContextManager[Any]:
    """A context in which JAX keeps float64 as it is."""
    home: Any = jax if hasattr(jax, "enable_x64") else import_module("jax.experimental")  # before JAX 0.8
    context: AbstractContextManager[Any] = home.enable_x64(True)
    return context


def precision_of(learner: Any) -> AbstractContextManager[Any]:
    """The context in which a learner computes."""
    return float64() if isinstance(learner, Exact) and learner.exact else nullcontext()


def compile_for(learner: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """A learner's function compiled, to be called from any context."""
    program = jax.jit(function)

    def call(*arguments: Any) -> Any:
        with precision_of(learner):
            return program(*arguments)

    return call
