"""Learners with tables, against the same models by equations, by dense numbers and by scikit-learn."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

import yarnml
from tests.learners.tables.conftest import KEYED
from yarnml.data.rows import keys_of
from yarnml.job.learners import Adagrad
from yarnml.model.model import Model

pytestmark = pytest.mark.long

KEYS = {"kind": "key", "columns": KEYED}


def fitted(
    table: pa.Table, features: list[str], label: str, learner: Any, *steps: dict[str, Any], **fields: Any
) -> Model:
    """A model of some columns, of which those in steps of kind key become keys; numbers stay as they are."""
    data = {"prepare": list(steps), "scale": "none", "label_scale": "none"} | fields.pop("data", {})
    training = {"epochs": 3, "batch_size": 2000, "shards": 2} | fields
    return yarnml.fit(table, features=features, label=label, learner=learner, data=data, training=training)


@pytest.mark.parametrize("rule", ["ftrl", "adagrad"])
def test_keys_and_numbers(inks: pa.Table, rule: str) -> None:
    """A model of keys with values is that of the same numbers in columns: predictions agree to 1e-4."""
    learner = {"kind": "sparse_linear", "optimizer": {"kind": rule}}
    none = {"kind": "key", "columns": ["none"]}
    dense = fitted(inks, ["dense", "none"], "large", learner, none)
    keyed = fitted(inks, ["ink", "none"], "large", learner, none, {"kind": "key", "columns": ["ink"]})
    expected = dense.predict_proba(inks)
    assert expected.std() > 0.05
    np.testing.assert_allclose(keyed.predict_proba(inks), expected, atol=1e-4)


def slope(loss: str, score: Any, y: Any) -> Any:
    """The derivative of a loss by the score."""
    return {"logistic": 1 / (1 + np.exp(-score)), "squared": score, "poisson": np.exp(score)}[loss] - y


@pytest.mark.parametrize(("loss", "label"), [("logistic", "large"), ("squared", "sum"), ("poisson", "sum")])
def test_equations(inks: pa.Table, loss: str, label: str) -> None:
    """Full steps of Adagrad on sums, by their equations in float64, give the same scores to 1e-3."""
    options = Adagrad(learning_rate=0.02)
    learner = {"kind": "sparse_linear", "loss": loss, "optimizer": {"kind": "adagrad", "learning_rate": 0.02}}
    model = fitted(
        inks, ["ink"], label, learner, {"kind": "key", "columns": ["ink"]}, batch_size=len(inks),
        data={"label_type": "class" if loss == "logistic" else "number"},
    )  # fmt: skip
    x = np.column_stack([np.stack(inks["dense"].to_numpy()), np.ones(len(inks))]).astype(np.float64)
    y = np.asarray(inks[label]).astype(np.float64)
    weights = np.zeros(65)
    squares = np.zeros(65)
    for _ in range(3):
        sums = x.T @ slope(loss, x @ weights, y)
        squares += sums**2
        weights -= options.learning_rate * sums / (np.sqrt(squares) + options.epsilon)
    outputs = model.outputs(inks)
    scores = {"logistic": lambda o: np.log(o[:, 1] / o[:, 0]), "squared": lambda o: o, "poisson": np.log}[loss](outputs)
    np.testing.assert_allclose(scores, x @ weights, atol=1e-3)


def test_pairs(clicks: pa.Table) -> None:
    """A factorisation machine scores the pairs of a row's keys: those of its exported table, by the definition."""
    learner = {"kind": "sparse_factorization_machine", "rank": 3, "initial": 0.5}
    model = fitted(clicks, KEYED, "clicked", learner, KEYS, epochs=1)
    rows = clicks.slice(0, 20)
    keys = keys_of(rows, model.schema, "rows")
    assert keys is not None
    table = model._content.table
    places = np.searchsorted(table["keys"], keys.keys)
    assert np.array_equal(table["keys"][places], keys.keys)
    for row, (low, high) in enumerate(zip(keys.offsets[:-1], keys.offsets[1:], strict=True)):
        own = table["factors"][places[low:high]].astype(np.float64)
        pairs = sum(own[a] @ own[b] for b in range(len(own)) for a in range(b))
        score = table["weight"][places[low:high]].sum() + pairs + model._content.arrays["parameters/bias"][0, 0]
        assert model.predict_proba(rows)[row, 1] == pytest.approx(1 / (1 + np.exp(-score)), abs=1e-5)


def test_rare_keys(clicks: pa.Table) -> None:
    """After one epoch a model has a row for each key of the data that came often enough, and for no other."""
    learner = {"kind": "sparse_factorization_machine", "rank": 1, "min_count": 3}
    model = fitted(clicks, KEYED, "clicked", learner, KEYS, epochs=1)
    keys = keys_of(clicks, model.schema, "rows")
    assert keys is not None
    different, counts = np.unique(keys.keys, return_counts=True)
    assert 0 < (counts < 3).sum() < len(counts)
    assert np.array_equal(model._content.table["keys"], different[counts >= 3])


def test_rows_of_the_newest_steps(clicks: pa.Table) -> None:
    """Rows of keys that have not come for ``max_age`` are in no model; the longest age keeps the bits of all rows."""
    tables = []
    for max_age in ("3 steps", "2 epochs", None):
        learner = {"kind": "sparse_linear", "max_age": max_age}
        model = fitted(clicks, KEYED, "clicked", learner, KEYS, epochs=2, batch_size=200)
        tables.append(model._content.table)
    assert 0 < len(tables[0]["keys"]) < len(tables[1]["keys"])
    assert tables[1]["weight"].tobytes() == tables[2]["weight"].tobytes()


def test_the_loss_of_scikit_learn(clicks: pa.Table) -> None:
    """Trained to the end on frequent values, the loss is that of an unpenalised LogisticRegression to 0.002."""
    frequent = clicks.select(["device", "pages", "clicked"])
    learner = {"kind": "sparse_linear", "optimizer": {"kind": "adagrad", "learning_rate": 0.3}}
    model = fitted(
        frequent, ["device", "pages"], "clicked", learner, {"kind": "key", "columns": ["device", "pages"]},
        epochs=20, batch_size=500,
    )  # fmt: skip
    hasher = FeatureHasher(input_type="string", n_features=1024)
    x = hasher.transform([[f"d{row['device']}", f"p{row['pages']}"] for row in frequent.to_pylist()])
    y = np.asarray(frequent["clicked"])
    reference = LogisticRegression(C=1e6, max_iter=2000).fit(abs(x), y)
    ours = log_loss(y, model.predict_proba(frequent)[:, 1])
    assert ours == pytest.approx(log_loss(y, reference.predict_proba(abs(x))[:, 1]), abs=0.002)


def test_weightless_rows_touch_no_key(clicks: pa.Table) -> None:
    """Rows of weight 0 leave no key in the model; l1 leaves out keys that say little."""
    half = clicks.append_column("counts", pa.array(np.arange(len(clicks)) < 2000, pa.int8()))
    numbers = []
    for table, weight, l1 in ((half, "counts", 0.0), (clicks.slice(0, 2000), None, 0.0), (clicks, None, 1.0)):
        learner = {"kind": "sparse_linear", "optimizer": {"kind": "ftrl", "l1": l1}}
        training = {"epochs": 1, "batch_size": 4000, "shards": 1}
        roles = {"label": "clicked", "weight": weight, "features": KEYED, "learner": learner}
        model = yarnml.fit(table, **roles, data={"prepare": [KEYS]}, training=training)
        numbers.append(len(model._content.table["keys"]))
    assert numbers[0] == numbers[1]
    assert numbers[2] < numbers[1] / 2
