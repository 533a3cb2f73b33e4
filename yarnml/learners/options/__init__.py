"""What a job file may say under ``learner:``, one struct per kind; also the registry of built-in learners.

A struct's tag is its ``kind`` and names the module ``yarnml.learners.<kind>``, whose ``build(options, schema)`` makes
the learner.  Nothing here imports JAX: the job file is checked on an edge node in milliseconds.
"""

from yarnml.learners.options.base import GradientOptions, LearnerOptions, NonNegative, Passes, PositiveInt
from yarnml.learners.options.linear import Gamma, GeneralisedLinear, Huber, Linear, Logistic, Poisson, Softmax, Svm
from yarnml.learners.options.moments import GaussianMixture, KMeans, NaiveBayes, Pca
from yarnml.learners.options.networks import Cnn, Custom, Mlp, NetworkOptions, Normalization, Recurrent
from yarnml.learners.options.ratings import Als, Factorization, FactorizationMachine
from yarnml.learners.options.texts import EmbeddingBag, Transformer
from yarnml.learners.options.trees import SKETCH_PASSES, Boosting, Forest, Tree, TreeLearner

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
