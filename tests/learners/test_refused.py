"""Learners that do not fit their columns are refused."""

import pytest
from msgspec.structs import replace

from tests.learners.kinds import IMAGE, NUMBER, THREE, TWO, schema, several, unlabelled
from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import (
    Als,
    Boosting,
    Cnn,
    Factorization,
    FactorizationMachine,
    Linear,
    Logistic,
    Mlp,
    NaiveBayes,
    Options,
    Pca,
    Recurrent,
    Softmax,
    Transformer,
    Tree,
)
from yarnml.learners.registry import build_learner


@pytest.mark.parametrize(
    ("options", "columns", "words"),
    [
        (Linear(), TWO, "linear predicts numbers"),
        (Logistic(), NUMBER, "logistic predicts classes"),
        (Logistic(), THREE, "needs 2 classes"),
        (Softmax(), NUMBER, "softmax predicts classes"),
        (Softmax(), schema(16, ("only",)), "two classes or more"),
        (Mlp(), schema(16, ("only",)), "two classes or more"),
        (Cnn(), THREE, "needs data.shape"),
        (Cnn(channels=[1, 2, 3]), IMAGE, "allows 1 to 2 of them, found 3"),
        (Cnn(channels=[]), IMAGE, "found 0"),
        (Recurrent(), IMAGE, r"needs data.shape: \[steps, features\], found \[4, 4, 2\]"),
        (NaiveBayes(), NUMBER, "naive_bayes predicts classes"),
        (Tree(depth=14), schema(100, ()), "lower learner.depth or learner.bins"),
        (Tree(categorical=["x"]), THREE, "'x' is none of data.features that hold one number"),
        (Tree(monotone={"x": "increasing"}), NUMBER, "monotone: 'x' is none of data.features that hold one number"),
        (Tree(monotone={"x": "increasing"}), schema(1, (1, 2, 3)), "monotone needs a number or two classes"),
        (Tree(monotone={"x": "increasing"}, categorical=["x"]), schema(1, ()), "but categories have no order"),
        (Boosting(), schema(16, ("only",)), "boosting needs two classes or more"),
        (Factorization(users=5, items=4), schema(2, (1, 2)), "factorization predicts numbers"),
        (Factorization(users=5, items=4), NUMBER, "two features, .* but data.features holds 16 numbers"),
        (Als(users=5, items=4), NUMBER, "als needs two features"),
        (Transformer(), IMAGE, r"needs data.shape: \[steps, features\], found \[4, 4, 2\]"),
        (Transformer(), schema(1, ()), "lists of one length; found columns of one number"),
        (Transformer(horizon=3), THREE, "horizon predicts numbers, but 'y' is a class label"),
        (Recurrent(horizon=2), NUMBER, "horizon 2 needs 2 labels, .* but there are 1"),
        (Recurrent(horizon=1), replace(several(16, ()), shape=(8, 2)), "horizon 1 needs 1 or 2 labels, .* there are 3"),
        (FactorizationMachine(), schema(16, ("only",)), "two classes or more"),
        (Pca(components=17), unlabelled(16), "at most the 16 numbers of a row, not 17"),
        (Pca(components=2), unlabelled(5000), "a matrix of 5000 x 5000 numbers; above 4096 choose randomised"),
    ],
)
def test_a_learner_that_does_not_fit_the_columns_is_refused(options: Options, columns: Schema, words: str) -> None:
    """A kind that can't serve the label or the shape is a mistake in the job file, told in one sentence."""
    with pytest.raises(JobFileError, match=words):
        build_learner(options, columns)
