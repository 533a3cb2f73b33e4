"""Optimizers and schedules by their optax names: ``{kind: adam, learning_rate: 1e-3}``."""

import difflib
import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from types import FunctionType
from typing import Any

import jax
import numpy as np
import optax
import optax.contrib

from yarnml.errors import JobFileError

Functions = dict[str, Callable[..., Any]]


def build_optimizer(
    spec: Mapping[str, Any], clip_norm: float | None = None, field: str = "learner.optimizer"
) -> optax.GradientTransformationExtraArgs:
    """The optax optimizer that ``spec`` describes, adam where it has no ``kind``, after clipping of the global norm.

    ``field``: the field of the job file that has it, for errors.
    Its ``update`` takes the step's loss as ``value``, for those that use it.
    Raises JobFileError when the name, an argument's name or an argument's value is none that optax takes.
    """
    optimizer = _call({"kind": "adam", **spec}, field, optimizers())
    chain = optax.chain(optax.clip_by_global_norm(clip_norm), optimizer) if clip_norm else optimizer
    guarded = _promoting(chain)
    _try(guarded, spec, field)
    return guarded


def optimizers() -> Functions:
    """Everything public in optax and optax.contrib that takes a learning rate.

    Those named schedule_free… are left out: their model is not the parameters at which they take gradients.
    """
    functions = _public(optax.contrib) | _public(optax)
    return {
        name: function
        for name, function in functions.items()
        if "learning_rate" in inspect.signature(function).parameters
        and not name.startswith(("scale_by_", "schedule_free"))
    }


def schedules() -> Functions:
    """The schedules of optax: its functions of the step number."""
    named = {n: f for n, f in _public(optax).items() if n.endswith("schedule") and n != "scale_by_schedule"}
    return named | {"exponential_decay": optax.exponential_decay}


def _public(module: Any) -> Functions:
    """A module's functions, partial ones among them (optax.nadam is one)."""
    kinds = FunctionType, partial
    return {n: f for n, f in vars(module).items() if isinstance(f, kinds) and not n.startswith("_")}


def _call(spec: Mapping[str, Any], path: str, known: Functions) -> Any:
    """Call the function that ``spec`` names, one of ``known``, with the arguments beside its name.

    ``path``: the field of the job file, for errors.
    """
    kind = spec.get("kind")
    if not isinstance(kind, str) or kind not in known:
        near = difflib.get_close_matches(str(kind), known, 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; optax has {', '.join(sorted(known))}."
        raise JobFileError(f"{path}.kind must be the name of an optax function, not {kind!r}{hint}")
    function = known[kind]
    valid = [n for n in inspect.signature(function).parameters if n != "kind"]
    arguments = {name: _value(value, f"{path}.{name}") for name, value in spec.items() if name != "kind"}
    for name in arguments:
        if name not in valid:
            raise JobFileError(f"{path}: optax.{kind} has no argument '{name}'; it takes {', '.join(valid)}.")
        if name == "learning_rate":
            _check_rate(arguments[name], f"{path}.{name}")
    try:
        return function(**arguments)
    except Exception as exc:
        raise JobFileError(f"{path}: optax.{kind} does not take these arguments: {_first_line(exc)}.") from exc


def _check_rate(rate: Any, path: str) -> None:
    """Refuse a rate that is no number, and one that goes uphill."""
    is_rate = callable(rate) or (isinstance(rate, int | float) and not isinstance(rate, bool) and rate >= 0)
    if not is_rate:
        raise JobFileError(
            f"{path} must be a number of 0 or more, or a schedule such as cosine_decay_schedule, not {rate!r}."
        )


def _value(value: Any, path: str) -> Any:
    """An argument as optax wants it: a nested schedule built, and the step numbers of a mapping as integers."""
    if not isinstance(value, Mapping):
        return value
    if value and all(str(key).isdecimal() for key in value):
        return {int(step): at for step, at in value.items()}
    return _call(value, path, schedules())


def _promoting(optimizer: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """An optimizer under JAX's usual promotion of types, which optax counts on, whatever the caller has set."""
    inner = optax.with_extra_args_support(optimizer)

    def init(parameters: Any) -> Any:
        with jax.numpy_dtype_promotion("standard"):
            return inner.init(parameters)

    def update(gradient: Any, state: Any, parameters: Any = None, **extra: Any) -> Any:
        with jax.numpy_dtype_promotion("standard"):
            return inner.update(gradient, state, parameters, **extra)

    return optax.GradientTransformationExtraArgs(init, update)


def _try(optimizer: optax.GradientTransformationExtraArgs, spec: Mapping[str, Any], field: str) -> None:
    """Trace one update of a few parameters, without computing it: optax refuses some values only there."""
    few = {name: jax.ShapeDtypeStruct(shape, np.float32) for name, shape in {"matrix": (2, 2), "vector": (2,)}.items()}
    try:
        jax.eval_shape(lambda p: optimizer.update(p, optimizer.init(p), p, value=np.float32(0)), few)
    except Exception as exc:
        reason = _first_line(exc)
        if needs := re.search(r"missing \d+ required keyword-only arguments?: (.*)", reason):
            reason = f"it needs {needs[1]}, which a step of map and reduce does not have"
        hint = "; set linesearch: null" if "linesearch" in str(exc) else ""
        raise JobFileError(
            f"{field}: optax.{spec.get('kind', 'adam')} can't be used as given: {reason}{hint}."
        ) from exc


def _first_line(exc: Exception) -> str:
    return str(exc).splitlines()[0].rstrip(".") if str(exc) else type(exc).__name__
