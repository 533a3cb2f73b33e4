"""Optimizers and schedules by their optax names: ``{kind: adam, learning_rate: 1e-3}``."""

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from yarnml.errors import JobFileError


def build_optimizer(spec: Mapping[str, Any], clip_norm: float | None = None) -> optax.GradientTransformation:
    """The optax optimizer that ``spec`` describes, after clipping of the gradient's global norm.

    Raises JobFileError when the name, an argument's name or an argument's value is none that optax takes.
    """
    optimizer = _call(spec, "learner.optimizer", _optimizers())
    chain = optax.chain(optax.clip_by_global_norm(clip_norm), optimizer) if clip_norm else optimizer
    _try(chain, spec)
    return chain


def _optimizers() -> dict[str, Callable[..., Any]]:
    return _public(lambda name, f: "learning_rate" in inspect.signature(f).parameters)


def _schedules() -> dict[str, Callable[..., Any]]:
    return _public(lambda name, f: name.endswith("schedule"))


def _public(wanted: Callable[[str, Any], bool]) -> dict[str, Callable[..., Any]]:
    functions = {n: f for n, f in vars(optax).items() if inspect.isfunction(f) and not n.startswith("_")}
    return {n: f for n, f in functions.items() if wanted(n, f)}


def _call(spec: Mapping[str, Any], path: str, known: dict[str, Callable[..., Any]]) -> Any:
    kind = spec.get("kind")
    if kind not in known:
        near = difflib.get_close_matches(str(kind), known, 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; optax has {', '.join(sorted(known))}."
        raise JobFileError(f"{path}.kind must be the name of an optax function, not {kind!r}{hint}")
    function = known[kind]
    valid = [n for n in inspect.signature(function).parameters if n != "kind"]
    arguments = {}
    for name, value in spec.items():
        if name == "kind":
            continue
        if name not in valid:
            raise JobFileError(f"{path}: optax.{kind} has no argument '{name}'; it takes {', '.join(valid)}.")
        nested = isinstance(value, Mapping) and "kind" in value
        arguments[name] = _call(value, f"{path}.{name}", _schedules()) if nested else value
    try:
        return function(**arguments)
    except Exception as exc:
        raise JobFileError(f"{path}: optax.{kind} does not take these arguments: {exc}") from exc


def _try(optimizer: optax.GradientTransformation, spec: Mapping[str, Any]) -> None:
    """One update on a parameter of one number, without computing it: some values are only refused there."""
    one = jnp.zeros(1, jnp.float32)
    try:
        jax.eval_shape(lambda p: optimizer.update(p, optimizer.init(p), p), one)
    except Exception as exc:
        reason = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        raise JobFileError(f"learner.optimizer: optax.{spec['kind']} can't be used as given: {reason}") from exc
