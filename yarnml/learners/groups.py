"""Groups of parameters that an optimizer leaves as they are, or moves by other steps: for fine-tuning.

A group is the name of an array, the beginning of some names (``0`` for ``0/weight`` and ``0/bias``), or a pattern
(``*/bias``).
"""

from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

import jax
import optax

from yarnml.errors import JobFileError
from yarnml.job.learners import GradientOptions
from yarnml.learners.base import Key
from yarnml.learners.named_arrays import names_of
from yarnml.learners.noise import key_of
from yarnml.learners.optimizers import build_optimizer


def optimizer_of(options: GradientOptions, init: Callable[[Key], Any]) -> optax.GradientTransformationExtraArgs:
    """The optimizer that a job asks for, with its groups of parameters; ``init`` makes a model's parameters."""
    optimizer = build_optimizer(options.optimizer, options.clip_norm)
    if not options.freeze and not options.rate_factors:
        return optimizer
    parameters = jax.eval_shape(init, key_of(0))
    return in_groups(optimizer, parameters, options.freeze, options.rate_factors)


def in_groups(
    optimizer: optax.GradientTransformationExtraArgs,
    parameters: Any,
    freeze: Collection[str],
    factors: Mapping[str, float],
) -> optax.GradientTransformationExtraArgs:
    """The optimizer with frozen groups, which get no steps, and factors of the steps of others.

    ``parameters``: a pytree of the model's form.  Norms, by which gradients are clipped, are of what is not frozen.
    Raises JobFileError for a group without a parameter.
    """
    names = names_of(parameters)
    for field, groups in [("freeze", freeze), ("rate_factors", factors)]:
        for group in groups:
            if not any(is_in(name, group) for name in names):
                raise JobFileError(f"learner.{field}: '{group}' is none of the parameters ({', '.join(names)}).")
    frozen = [any(is_in(name, group) for group in freeze) for name in names]
    if all(frozen):
        raise JobFileError("learner.freeze leaves no parameter to train; remove a group.")
    structure = jax.tree.structure(parameters)
    labels = jax.tree.unflatten(structure, ["frozen" if is_frozen else "trained" for is_frozen in frozen])
    factor = jax.tree.unflatten(structure, [_factor(name, factors) for name in names])
    parts = optax.multi_transform({"trained": optimizer, "frozen": optax.set_to_zero()}, labels)
    scale = optax.stateless(lambda steps, _: jax.tree.map(lambda step, by: step * by, steps, factor))
    return optax.chain(parts, scale) if factors else parts


def is_in(name: str, group: str) -> bool:
    """Tell whether a parameter belongs to a group."""
    return name == group or name.startswith(f"{group}/") or fnmatchcase(name, group)


def _factor(name: str, factors: Mapping[str, float]) -> float:
    """The factor of the last group that a parameter belongs to."""
    return next((by for group, by in reversed([*factors.items()]) if is_in(name, group)), 1.0)
