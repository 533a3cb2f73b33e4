"""The base of all adapters: a fit in memory, and predictions of the model that it leaves, by scikit-learn's rules."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from yarnml.errors import YarnmlError
from yarnml.frames.fit import fit
from yarnml.job.learners import LearnerOptions, Options

MAX_SEED = 2**31 - 1

ROWS = {"dtype": [np.float64, np.float32]}
"""The types of rows that are taken as they are."""

_KINDS: dict[str, type[LearnerOptions]] = {str(kind.__struct_config__.tag): kind for kind in Options.__args__}


class Adapter(BaseEstimator):  # type: ignore[misc]
    """A learner of one kind of task.

    Attributes of a fitted one: ``model_``, the `yarnml.model.model.Model`; ``n_features_in_``, ``feature_names_in_``.

    Args:
        learner: a kind of docs/learners.md.
        options: the fields of ``learner`` in the job file, as a mapping; None for their defaults.
        training: the fields of ``training``.
        job: other sections of the job file, as a mapping of mappings.
        random_state: the seed, or a generator to draw it from; None for 0.
    """

    def __init__(
        self,
        learner: str = "boosting",
        *,
        options: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
        job: Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        self.learner = learner
        self.options = options
        self.training = training
        self.job = job
        self.random_state = random_state

    def _fit(self, x: Any, label: Any = None, weight: Any = None, **fields: Any) -> None:
        """Train on checked rows.

        ``fields``: ``data``, a mapping of those of the job file, and those of ``options`` that the task decides.
        """
        job = dict(self.job or {})
        data = {**fields.pop("data", {}), **job.pop("data", {})}
        training = {"seed": self._seed, **(self.training or {})}
        learner = {"kind": self.learner, **fields, **(self.options or {})}
        with value_errors():
            self.model_ = fit(x, learner=learner, label=label, weight=weight, training=training, data=data, **job)

    def _outputs(self, x: Any) -> npt.NDArray[np.float32]:
        """The learner's own predictions for rows of the columns of the training."""
        check_is_fitted(self)
        x = validate_data(self, x, reset=False, ensure_all_finite=self._finite, **ROWS)
        with value_errors():
            outputs: npt.NDArray[np.float32] = self.model_.outputs(x)
        return outputs

    @property
    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return 0 if self.random_state is None else int(check_random_state(self.random_state).randint(MAX_SEED))

    @property
    def _finite(self) -> bool | str:
        """``ensure_all_finite`` of scikit-learn's checks of rows."""
        return "allow-nan" if self._takes_missing else True

    @property
    def _takes_missing(self) -> bool:
        return self.learner in _KINDS and _KINDS[self.learner].MISSING

    @property
    def _takes_labels(self) -> bool:
        return self.learner in _KINDS and _KINDS[self.learner].TAKES_LABELS

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._takes_missing
        return tags


@contextmanager
def value_errors() -> Iterator[None]:
    """Raise the errors of yarnml as ValueError, by which scikit-learn knows bad rows and parameters."""
    try:
        yield
    except YarnmlError as exc:
        raise ValueError(str(exc)) from exc
