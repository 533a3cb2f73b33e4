"""The updates of a learner's state: compiled for each form that its sums can have, or made on the host."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax

from yarnml.learners.base import ChangingSums, Learner, Scores, State, updates_on_host
from yarnml.learners.named_arrays import copied_to_host
from yarnml.learners.precision import precision_of
from yarnml.reduce.tree import Value
from yarnml.worker.first_call import FirstCall
from yarnml.worker.flattening import Flattening


class _Update(NamedTuple):
    """An update for sums of one form."""

    flattening: Flattening
    function: Callable[..., tuple[State, Scores]]


class Updates:
    """The updates of one learner; those ``on_host`` are NumPy's.

    ``flattening``: of its sums, where they have one form.
    ``name``: of the learner's program.
    ``keeps_states``: an update leaves the state before it as it was, where else it uses that up.
    ``options``: of the compiler.
    """

    def __init__(
        self,
        learner: Learner,
        flattening: Flattening,
        name: str,
        *,
        keeps_states: bool = False,
        options: dict[str, str | bool] | None = None,
    ) -> None:
        self._learner = learner
        self._flattening = flattening
        self._name = name
        self._keeps_states = keeps_states
        self._options = options
        self.on_host = updates_on_host(learner)
        self._form_at = learner.form_of_sums if isinstance(learner, ChangingSums) else None
        self._updates: dict[Any, _Update] = {}

    def apply(self, state: State, total: Value) -> tuple[State, Scores]:
        """The next state.  Totals are rounded to the precision of a learner that JAX compiles here."""
        if self.on_host:
            flattening = Flattening(self._form_at(state)) if self._form_at else self._flattening
            return self._learner.update(
                copied_to_host(state) if self._keeps_states else state, flattening.on_host(total)
            )
        flattening, function = self._at(state)
        with precision_of(self._learner):
            return function(state, flattening.to_device(total))

    def _at(self, state: State) -> _Update:
        """The update for sums of the form that they have at this state."""
        form = self._form_at(state) if self._form_at else None
        leaves, structure = jax.tree.flatten(form)
        key = structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        if key not in self._updates:
            flattening = Flattening(form) if form else self._flattening
            donated = () if self._keeps_states else (0,)
            update = partial(self._update_flat, flattening)
            function = jax.jit(update, donate_argnums=donated, compiler_options=self._options)
            self._updates[key] = _Update(flattening, FirstCall(function, f"{self._name} update {len(self._updates)}"))
        return self._updates[key]

    def _update_flat(self, flattening: Flattening, state: State, flat: list[jax.Array]) -> tuple[State, Scores]:
        return self._learner.update(state, flattening.sums(flat))
