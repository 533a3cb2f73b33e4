"""Learners from counts and moments: clusters, components, naive Bayes."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from msgspec import Meta

from yarnml.errors import JobFileError
from yarnml.job.fields import Number, Positive, PositiveInt
from yarnml.job.learners.base import LearnerOptions, Passes

if TYPE_CHECKING:
    from yarnml.job.spec import Job


class Clustering(LearnerOptions, frozen=True, kw_only=True):
    """``clusters``: how many to find.  Three passes go into the start, see `yarnml.learners.moments.clustering`."""

    LABEL = "none"
    COMPARES = True
    STARTS_LIKE: ClassVar[tuple[str, ...] | None] = ("clusters",)

    clusters: Annotated[int, Meta(ge=1, le=100_000)]

    @property
    def to_converge(self) -> str:
        return "raise training.epochs"


class KMeans(Clustering, frozen=True, kw_only=True, tag="kmeans"):
    """k-means: the centres with the least sum of squared distances from the rows to the nearest."""

    CLUSTER_METRICS = ("silhouette",)

    @property
    def passes(self) -> Passes:
        return Passes(4, 20)


class GaussianMixture(Clustering, frozen=True, kw_only=True, tag="gaussian_mixture"):
    """A mixture of normal distributions, by expectation-maximisation.

    ``covariance``: of each component, ``full`` or ``diagonal``; ``floor`` is added to its variances.
    """

    CLUSTER_METRICS = ("bic", "aic")
    STARTS_LIKE = ("clusters", "covariance")

    covariance: Literal["full", "diagonal"] = "full"
    floor: Positive = 1e-6

    def free_parameters(self, width: int) -> int:
        """Centre, covariance and share of each component; the shares add up to 1."""
        covariance = width * (width + 1) // 2 if self.covariance == "full" else width
        return self.clusters * (width + covariance + 1) - 1

    @property
    def passes(self) -> Passes:
        return Passes(4, 50)


class Pca(LearnerOptions, frozen=True, kw_only=True, tag="pca"):
    """Principal components: the ``components`` directions of the largest variance.

    ``method``: ``moments`` adds up the whole covariance matrix, in two passes; ``randomised`` only its product with a
    few directions, for wide data, in a few passes more.
    """

    LABEL = "none"
    COMPARES = True

    components: PositiveInt
    method: Literal["moments", "randomised"] = "moments"

    @property
    def passes(self) -> Passes:
        return Passes(2, 2) if self.method == "moments" else Passes(2, 6)

    @property
    def to_converge(self) -> str | None:
        return None if self.method == "moments" else "raise training.epochs"


class IsolationForest(LearnerOptions, frozen=True, kw_only=True, tag="isolation_forest"):
    """Anomalies: rows that few random cuts part from all others.

    ``trees``: how many.  ``rows``: the rows that a tree is grown on, drawn anew for each.
    """

    LABEL = "none"
    COMPARES = True

    trees: Annotated[int, Meta(ge=1, le=10_000)] = 100
    rows: Annotated[int, Meta(ge=2, le=1024)] = 256

    @property
    def passes(self) -> Passes:
        return Passes(2, 2)


class NaiveBayes(LearnerOptions, frozen=True, kw_only=True, tag="naive_bayes"):
    """Naive Bayes: given the class, every feature on its own is ``gaussian``, ``multinomial`` or ``bernoulli``.

    ``smoothing``: seen of each feature beside the data, 1 by default; for ``gaussian`` the part of the largest variance
    that is added to all variances, 1e-9 by default.  ``threshold``: above it a feature is on for ``bernoulli``.
    """

    distribution: Literal["gaussian", "multinomial", "bernoulli"] = "gaussian"
    smoothing: Positive | None = None
    threshold: Number = 0.0

    @property
    def passes(self) -> Passes:
        return Passes(2, 2) if self.distribution == "gaussian" else Passes(1, 1)

    def check(self, job: "Job") -> None:
        if self.distribution == "multinomial" and job.data.scale == "standard":
            raise JobFileError(
                "learner.distribution multinomial needs counts of 0 or more, which data.scale: standard does not "
                "leave; set data.scale: none."
            )
