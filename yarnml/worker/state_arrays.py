"""A learner's state as arrays by name, and the states that earlier arrays make."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from yarnml.data.scaling import Scaling
from yarnml.learners.base import Learner, NewerArrays, State, updates_on_host
from yarnml.learners.named_arrays import copied_to_host, from_tensors, tensors
from yarnml.learners.precision import precision_of
from yarnml.learners.warm_start import Earlier, Started, WarmStart

Arrays = dict[str, npt.NDArray[Any]]


def saved(state: State, scaling: Scaling) -> Arrays:
    """All arrays of a state by name."""
    return tensors({"scaling": scaling, "state": state})


def loaded(learner: Learner, state: State, scaling: Scaling, arrays: Arrays) -> tuple[State, Scaling]:
    """The state and the scaling that were saved as these; KeyError or ValueError where they are not of its form."""
    if isinstance(learner, NewerArrays):
        first = saved(state, scaling)
        arrays = {f"state/{name}": first[f"state/{name}"] for name in learner.newer_arrays} | arrays
    tree = from_tensors({"scaling": scaling, "state": state}, arrays)
    return _owned(learner, tree["state"]), jax.tree.map(np.asarray, tree["scaling"])


def started(learner: Any, state: State, earlier: Earlier) -> Started:
    """The first state with what fits of an earlier training; KeyError or ValueError where that is none of its."""
    assert isinstance(learner, WarmStart), "the job file is refused where its learner is none"
    with precision_of(learner):
        first, content = learner.started(state, earlier)
        return Started(_owned(learner, first), content)


def _owned(learner: Any, state: State) -> State:
    """A state whose arrays are its own, which the next update uses up."""
    if updates_on_host(learner):
        return copied_to_host(state)
    return jax.tree.map(jnp.copy, state)
