"""The adapters, one for each kind of task."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import (
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from yarnml.sklearn.base import ROWS, Adapter, value_errors


def _has_probabilities(estimator: Adapter) -> bool:
    return estimator.learner != "svm"


class Classifier(ClassifierMixin, Adapter):  # type: ignore[misc]
    """A learner of classes, of any type, which are in ``classes_`` of a fitted one, sorted.

    With y [rows, labels] of 0 and 1, of several labels, whose numbers are in ``classes_``.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train; ``sample_weight``: of each row, None for 1."""
        x, y = validate_data(self, X, y, ensure_all_finite=self._finite, multi_output=self._takes_labels, **ROWS)
        check_classification_targets(y)
        self._is_multilabel = type_of_target(y) == "multilabel-indicator"
        if self._is_multilabel:
            y = np.asarray(y).astype(np.int64)
            self.classes_ = np.arange(y.shape[1])
            self._fit(x, y, _weights(sample_weight, x), data={"classes": [0, 1]})
            return self
        self.classes_, codes = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__} needs two classes or more, but y holds one class only.")
        self._fit(x, codes, _weights(sample_weight, x), data={"classes": list(range(len(self.classes_)))})
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """Return the most probable class of every row; of several labels [rows, labels], 0 or 1."""
        outputs = self._outputs(X)
        if self._is_multilabel:
            return self.model_.schema.choose(outputs)
        classes = outputs.argmax(axis=1)
        return np.asarray(self.classes_[classes])

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Return [rows, classes]: probabilities in the order of ``classes_``; of several labels those of each."""
        outputs = self._outputs(X)
        if self._is_multilabel:
            return outputs.astype(np.float64)
        with value_errors():
            shares = self.model_.probabilities(outputs).astype(np.float64)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = self.learner not in ("logistic", "svm")
        tags.classifier_tags.multi_label = self._takes_labels
        return tags


class Regressor(RegressorMixin, Adapter):  # type: ignore[misc]
    """A learner of a number, or with y [rows, labels] of several."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train; ``sample_weight``: of each row, None for 1."""
        x, y = validate_data(
            self, X, y, ensure_all_finite=self._finite, y_numeric=True, multi_output=self._takes_labels, **ROWS
        )
        is_several = np.ndim(y) > 1 and np.shape(y)[1] > 1 and self._takes_labels
        y = (np.asarray(y) if is_several else column_or_1d(y, warn=True)).astype(np.float64)
        self._fit(x, y, _weights(sample_weight, x), data={"label_type": "number"})
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Return the number of every row, or of each of its labels or quantiles."""
        return self._outputs(X).astype(np.float64)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Return R², or of several quantiles of one label the mean of D², as `Model.score` has it."""
        check_is_fitted(self)
        if not self.model_.schema.quantiles:
            return float(super().score(X, y, sample_weight))
        x = validate_data(self, X, reset=False, ensure_all_finite=self._finite, **ROWS)
        with value_errors():
            return self.model_.score(x, column_or_1d(y, warn=True), sample_weight)


class Clusterer(ClusterMixin, Adapter):  # type: ignore[misc]
    """A learner of clusters; ``labels_`` of a fitted one are the clusters of the training rows."""

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        learner: str = "kmeans",
        options: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
        job: Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(learner, options=options, training=training, job=job, random_state=random_state)
        self.n_clusters = n_clusters

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train; ``y`` is not used."""
        x = validate_data(self, X, ensure_min_samples=2, **ROWS)
        self._fit(x, weight=_weights(sample_weight, x), clusters=self.n_clusters)
        self.labels_ = self.predict(X)
        return self

    def predict(self, X: Any) -> npt.NDArray[np.int64]:  # noqa: N803
        """Return the number of the cluster of every row."""
        return self._outputs(X).argmax(axis=1)


class Transformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Adapter):  # type: ignore[misc]
    """A learner of coordinates, ``pca``."""

    def __init__(
        self,
        n_components: int = 2,
        *,
        learner: str = "pca",
        options: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
        job: Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(learner, options=options, training=training, job=job, random_state=random_state)
        self.n_components = n_components

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Train; ``y`` is not used."""
        x = validate_data(self, X, ensure_min_samples=2, **ROWS)
        self._fit(x, components=self.n_components)
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Return the coordinates of every row, [rows, n_components]."""
        return self._outputs(X).astype(np.float64)

    @property
    def _n_features_out(self) -> int:
        return self.n_components


def _weights(weight: Any, x: Any) -> npt.NDArray[np.float64] | None:
    """[rows], checked; None where all are 1."""
    if weight is None:
        return None
    weights: npt.NDArray[np.float64] = _check_sample_weight(weight, x, dtype=np.float64, ensure_non_negative=True)
    return weights
