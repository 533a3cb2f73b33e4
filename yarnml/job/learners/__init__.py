"""The ``learner:`` section of a job file: one struct for each kind, which is also the registry of built-in learners.

A struct's tag is its ``kind`` and names the module ``yarnml.learners.<family>.<kind>``, whose
``build(options, schema)`` makes the learner; the family is the module here that has the struct.

To add a learner, write one file ``yarnml/learners/<family>/<kind>.py`` and one struct in
``yarnml/job/learners/<family>.py``, and name the struct in `Options`.  Nothing else knows the kinds: what the rest of
the job file must be for a kind, its struct says itself (`LearnerOptions`).

Nothing here imports JAX: the job file is checked on an edge node in milliseconds.
"""

from yarnml.job.learners.base import GradientOptions, LearnerOptions, Passes
from yarnml.job.learners.linear import (
    Gamma,
    GeneralisedLinear,
    Huber,
    Likelihood,
    Linear,
    Logistic,
    NegativeBinomial,
    Ordinal,
    Poisson,
    Quantile,
    Softmax,
    Svm,
)
from yarnml.job.learners.moments import GaussianMixture, IsolationForest, KMeans, NaiveBayes, Pca
from yarnml.job.learners.networks import (
    Augment,
    Cnn,
    Custom,
    EmbeddingBag,
    Mlp,
    NetworkOptions,
    Normalization,
    Recurrent,
    Transformer,
)
from yarnml.job.learners.ratings import Als, Factorization, FactorizationMachine
from yarnml.job.learners.rules import Adagrad, Count, Ftrl, RowAdagrad, Rule
from yarnml.job.learners.tables import (
    CustomTables,
    Dlrm,
    FieldAware,
    ScoreOptions,
    SparseFactorizationMachine,
    SparseLinear,
    TableLearnerOptions,
    TwoTower,
    WideAndDeep,
)
from yarnml.job.learners.trees import (
    LEAF_PASSES,
    MAX_LEAVES,
    OUT_OF_BAG,
    SCORE_OBJECTIVES,
    SKETCH_PASSES,
    Boosting,
    Forest,
    Tree,
    TreeLearner,
)

__all__ = [
    "LEAF_PASSES",
    "MAX_LEAVES",
    "OUT_OF_BAG",
    "SCORE_OBJECTIVES",
    "SKETCH_PASSES",
    "Adagrad",
    "Als",
    "Augment",
    "Boosting",
    "Cnn",
    "Count",
    "Custom",
    "CustomTables",
    "Dlrm",
    "EmbeddingBag",
    "Factorization",
    "FactorizationMachine",
    "FieldAware",
    "Forest",
    "Ftrl",
    "Gamma",
    "GaussianMixture",
    "GeneralisedLinear",
    "GradientOptions",
    "Huber",
    "IsolationForest",
    "KMeans",
    "LearnerOptions",
    "Likelihood",
    "Linear",
    "Logistic",
    "Mlp",
    "NaiveBayes",
    "NegativeBinomial",
    "NetworkOptions",
    "Normalization",
    "Options",
    "Ordinal",
    "Passes",
    "Pca",
    "Poisson",
    "Quantile",
    "Recurrent",
    "RowAdagrad",
    "Rule",
    "ScoreOptions",
    "Softmax",
    "SparseFactorizationMachine",
    "SparseLinear",
    "Svm",
    "TableLearnerOptions",
    "Transformer",
    "Tree",
    "TreeLearner",
    "TwoTower",
    "WideAndDeep",
]

Options = (
    Linear
    | Logistic
    | Softmax
    | Poisson
    | Gamma
    | NegativeBinomial
    | Ordinal
    | Quantile
    | Huber
    | Svm
    | Mlp
    | Cnn
    | Recurrent
    | Custom
    | KMeans
    | GaussianMixture
    | Pca
    | IsolationForest
    | NaiveBayes
    | Tree
    | Forest
    | Boosting
    | Factorization
    | FactorizationMachine
    | Als
    | EmbeddingBag
    | Transformer
    | SparseLinear
    | SparseFactorizationMachine
    | FieldAware
    | WideAndDeep
    | Dlrm
    | TwoTower
    | CustomTables
)
