"""What a job file may say under ``learner:``, one struct per kind; also the registry of built-in learners.

A struct's tag is its ``kind`` and names the module ``yarnml.learners.<family>.<kind>``, whose
``build(options, schema)`` makes the learner; the family is the module here that has the struct.  Nothing here imports
JAX: the job file is checked on an edge node in milliseconds.
"""

from yarnml.job.learners.base import GradientOptions, LearnerOptions, NonNegative, Passes, PositiveInt
from yarnml.job.learners.linear import Gamma, GeneralisedLinear, Huber, Linear, Logistic, Poisson, Softmax, Svm
from yarnml.job.learners.moments import GaussianMixture, KMeans, NaiveBayes, Pca
from yarnml.job.learners.networks import (
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
from yarnml.job.learners.trees import SKETCH_PASSES, Boosting, Forest, Tree, TreeLearner

__all__ = [
    "SKETCH_PASSES",
    "Als",
    "Boosting",
    "Cnn",
    "Custom",
    "EmbeddingBag",
    "Factorization",
    "FactorizationMachine",
    "Forest",
    "Gamma",
    "GaussianMixture",
    "GeneralisedLinear",
    "GradientOptions",
    "Huber",
    "KMeans",
    "LearnerOptions",
    "Linear",
    "Logistic",
    "Mlp",
    "NaiveBayes",
    "NetworkOptions",
    "NonNegative",
    "Normalization",
    "Options",
    "Passes",
    "Pca",
    "Poisson",
    "PositiveInt",
    "Recurrent",
    "Softmax",
    "Svm",
    "Transformer",
    "Tree",
    "TreeLearner",
]

Options = (
    Linear
    | Logistic
    | Softmax
    | Poisson
    | Gamma
    | Huber
    | Svm
    | Mlp
    | Cnn
    | Recurrent
    | Custom
    | KMeans
    | GaussianMixture
    | Pca
    | NaiveBayes
    | Tree
    | Forest
    | Boosting
    | Factorization
    | FactorizationMachine
    | Als
    | EmbeddingBag
    | Transformer
)
