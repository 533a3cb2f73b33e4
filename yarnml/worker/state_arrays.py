"""A learner's state as arrays by name, and the states that earlier arrays make."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from yarnml.data.scaling import Scaling
from yarnml.errors import JobFileError
from yarnml.learners.base import Learner, NewerArrays, State, updates_on_host
from yarnml.learners.named_arrays import copied_to_host, from_tensors, tensors
from yarnml.learners.noise import key_of
from yarnml.learners.precision import precision_of
from yarnml.learners.room import HasRoom, without_room
from yarnml.learners.warm_start import Earlier, Started, WarmStart

Arrays = dict[str, npt.NDArray[Any]]

OLDER = "older"
"""The names of older states' arrays begin with it: ``older/1/…`` is the one before the newest."""


def saved(learner: Learner, state: State, scaling: Scaling) -> Arrays:
    """All arrays of a state by name, without room that nothing is in yet."""
    return tensors({"scaling": scaling, "state": without_room(learner, state)})


def loaded(learner: Learner, state: State, scaling: Scaling, arrays: Arrays) -> tuple[State, Scaling]:
    """The state and the scaling that were saved as these; KeyError or ValueError where they are not of its form."""
    if isinstance(learner, NewerArrays):
        first = tensors({"state": state})
        arrays = {f"state/{name}": first[f"state/{name}"] for name in learner.newer_arrays} | arrays
    if isinstance(learner, HasRoom):
        arrays = _with_room(learner, arrays)
    tree = from_tensors({"scaling": scaling, "state": state}, arrays)
    return _owned(learner, tree["state"]), jax.tree.map(np.asarray, tree["scaling"])


def older_states(form: Any, arrays: Arrays) -> list[Any]:
    """The older states of this form among these arrays, the newest of them first; KeyError or ValueError for others."""
    ages = sorted({int(name.split("/")[1]) for name in arrays if name.startswith(f"{OLDER}/")})
    older = from_tensors({OLDER: {str(age): form for age in ages}}, arrays)[OLDER] if ages else {}
    return [older[str(age)] for age in ages]


def _with_room(learner: Learner, arrays: Arrays) -> Arrays:
    """Give arrays back the room that they were saved without."""
    with precision_of(learner):
        first = tensors({"state": jax.jit(learner.init)(key_of(0))})
    whole = dict(arrays)
    for name, room in first.items():
        array = arrays.get(name, room)
        if array.ndim == room.ndim and array.shape != room.shape and np.all(np.less_equal(array.shape, room.shape)):
            whole[name] = room.astype(array.dtype)
            whole[name][tuple(map(slice, array.shape))] = array
    return whole


def started(learner: Any, state: State, earlier: Earlier, source: str) -> Started:
    """The first state with what fits of an earlier training; JobFileError, which names its source, if nothing does."""
    assert isinstance(learner, WarmStart), "the job file is refused where its learner is none"
    with precision_of(learner):
        try:
            first, content = learner.started(state, earlier)
        except (KeyError, ValueError) as exc:
            why = f"it has no {exc}" if isinstance(exc, KeyError) else str(exc)
            raise JobFileError(f"start_from: {source} does not fit this learner: {why}.") from exc
        return Started(_owned(learner, first), content)


def _owned(learner: Any, state: State) -> State:
    """A state whose arrays are its own, which the next update uses up."""
    if updates_on_host(learner):
        return copied_to_host(state)
    return jax.tree.map(jnp.copy, state)
