"""Isolation forest: the scores that scikit-learn gives, and what is drawn of few or equal rows."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn import datasets, ensemble

import yarnml
from yarnml.data.schema import Feature, Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import IsolationForest
from yarnml.learners.moments.isolation_forest import build


@pytest.mark.long
def test_scores_agree() -> None:
    """On the breast cancer data, scores agree with scikit-learn as those of two of its own seeds do: 0.94, 0.01."""
    x = datasets.load_breast_cancer().data.astype(np.float32)
    x = np.concatenate([x, x[:3] * 20])
    scores = yarnml.fit(x, learner="isolation_forest").predict(x)
    right = -ensemble.IsolationForest(random_state=0).fit(x).score_samples(x)
    assert spearmanr(scores, right)[0] > 0.93
    assert np.mean(scores) == pytest.approx(np.mean(right), abs=0.015)
    assert set(np.argsort(scores)[-3:]) == {569, 570, 571}


@pytest.mark.long
def test_few_and_equal_rows() -> None:
    """Fewer rows than a tree takes are all of them, and equal rows, which no cut parts, have one score below 0.5."""
    few = np.array([[0.0], [0.1], [0.2], [9.0]], np.float32)
    scores = yarnml.fit(few, learner={"kind": "isolation_forest", "trees": 200, "rows": 8}).predict(few)
    assert scores.argmax() == 3
    assert scores[3] > 0.6
    equal = np.ones((20, 2), np.float32)
    scores = yarnml.fit(equal, learner={"kind": "isolation_forest", "trees": 5, "rows": 8}).predict(equal)
    assert len(set(scores)) == 1
    assert scores[0] == pytest.approx(0.5)


def test_too_wide() -> None:
    schema = Schema((Feature("x", 100_000),), None, "none", ())
    with pytest.raises(JobFileError, match=r"learner\.rows 256 of 100000 numbers make a sample of 1,563 MiB"):
        build(IsolationForest(), schema)
