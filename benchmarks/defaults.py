"""Learners with nothing set but the columns: on real data, beside the defaults of other libraries, by held-out loss.

Every data set is cut in two at random, several times; each program learns from the first part, as it comes, and is
judged on the second.  Losses are those of docs/learners.md: half the mean squared error, half the deviance, or -log of
the true class's probability.  ``best`` is the best setting that we know, of ours and of theirs.
"""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.measure import align

Array = npt.NDArray[Any]
TOLERANCE = 1.05
"""The loss of a default, as a multiple of the other library's, beyond which it is worse."""
TRAINED = 0.7
"""The share of the rows that are learnt from."""


class Table(NamedTuple):
    """Features [rows, width] and a label [rows]; ``loss``: `squared`, `poisson`, `gamma` or `log`."""

    x: Array
    y: Array
    loss: str


class Case(NamedTuple):
    """One learner on one data set.

    ``ours``: the section ``learner`` of the job with defaults, and of the best one known.
    ``peers``: make the other library's model, with defaults, and the best one known.
    """

    table: str
    ours: tuple[dict[str, Any], dict[str, Any]]
    peers: tuple[Callable[[], Any], Callable[[], Any]]


def main(splits: int = 3, only: str = "") -> None:
    """Defaults of learners on real data, beside those of other libraries, by the loss on rows that are held out."""
    print(f"defaults: mean loss on held-out rows, {splits} random splits; the ratio is ours / theirs, both by default")
    lines = [["", "", "ours", "our best", "theirs", "their best", "ratio"]]
    worse = []
    for case in cases():
        kind = case.ours[0]["kind"]
        if only and only not in (kind, case.table):
            continue
        losses = np.mean([judged(case, seed) for seed in range(splits)], axis=0)
        ratio = losses[0] / losses[2]
        name = f"{kind} on {case.table}"
        worse += [name] if ratio > TOLERANCE else []
        lines.append([case.table, kind, *(f"{loss:.4g}" for loss in losses), f"{ratio:.2f}"])
    align(lines)
    print("more than 5 % worse than the other library's default:", ", ".join(worse) or "none")


def judged(case: Case, seed: int) -> list[float]:
    """The losses of our default, our best, theirs and their best, on one split."""
    table = tables()[case.table]()
    order = np.random.default_rng(seed).permutation(len(table.y))
    first, second = np.split(order, [int(TRAINED * len(order))])
    taught = table._replace(x=table.x[first], y=table.y[first])
    held = table._replace(x=table.x[second], y=table.y[second])
    default, best = case.ours
    ours = [loss(held, predictions(taught, held, default)), loss(held, predictions(taught, held, best, "standard"))]
    of_peers = []
    for make in case.peers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make().fit(taught.x, taught.y)
        of_peers.append(loss(held, model.predict_proba(held.x) if table.loss == "log" else model.predict(held.x)))
    return ours + of_peers


def loss(table: Table, outputs: Array) -> float:
    """The mean loss of predictions: numbers, or the probabilities of the classes 0, 1, …"""
    y = table.y
    if table.loss == "log":
        return float(-np.log(np.maximum(outputs[np.arange(len(y)), y], 1e-15)).mean())
    if table.loss == "squared":
        return float(np.square(outputs - y).mean() / 2)
    mean = np.maximum(outputs, 1e-9)
    if table.loss == "gamma":
        return float((y / mean - 1 - np.log(y / mean)).mean())
    return float((mean - y + y * np.log(np.where(y > 0, y, 1) / np.where(y > 0, mean, 1))).mean())


def predictions(taught: Table, held: Table, learner: dict[str, Any], scale: str = "auto") -> Array:
    """Predictions for the held-out rows of a job with nothing but columns and a learner, and a scale of features."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    import yarnml

    names = [f"f{j}" for j in range(taught.x.shape[1])]
    label_type = {} if taught.loss == "log" else {"label_type": "number"}
    with tempfile.TemporaryDirectory() as folder:
        columns = {name: taught.x[:, j] for j, name in enumerate(names)}
        pq.write_table(pa.table(columns | {"y": taught.y}), f"{folder}/train.parquet")
        job = {
            "name": "defaults",
            "data": {"train": f"{folder}/train.parquet", "features": names, "label": "y", "scale": scale, **label_type},
            "learner": learner,
            "checkpoint": {"path": f"{folder}/job", "every": "1000000 epochs"},
            "export": f"{folder}/models",
        }
        outcome = yarnml.run(job, "inline")
        return np.asarray(yarnml.load_model(str(Path(str(outcome.export)))).outputs(held.x))


def tables() -> dict[str, Callable[[], Table]]:
    """Data sets that scikit-learn and statsmodels bring."""
    from sklearn import datasets

    def bundled(name: str, loss: str, **options: Any) -> Callable[[], Table]:
        return lambda: Table(*getattr(datasets, f"load_{name}")(return_X_y=True, **options), loss)

    def linnerud() -> Table:
        x, y = datasets.load_linnerud(return_X_y=True)
        return Table(x, y[:, 0], "squared")

    def study(name: str, label: str, loss: str, features: list[str]) -> Callable[[], Table]:
        def load() -> Table:
            import importlib

            frame = importlib.import_module(f"statsmodels.datasets.{name}").load_pandas().data
            y = frame[label].to_numpy()
            y = (y > 0).astype(np.int64) if loss == "log" else y.astype(np.float64)
            return Table(frame[features].to_numpy(np.float64), y, loss)

        return load

    fair = ["rate_marriage", "age", "yrs_married", "children", "religious", "educ", "occupation", "occupation_husb"]
    visits = ["lncoins", "idp", "lpi", "fmde", "physlm", "disea", "hlthg", "hlthf", "hlthp"]
    votes = ["COUTAX", "UNEMPF", "MOR", "ACT", "GDP", "AGE", "COUTAX_FEMALEUNEMP"]
    return {
        "diabetes": bundled("diabetes", "squared", scaled=False),
        "linnerud": linnerud,
        "breast_cancer": bundled("breast_cancer", "log"),
        "wine": bundled("wine", "log"),
        "iris": bundled("iris", "log"),
        "digits": bundled("digits", "log"),
        "fair": study("fair", "affairs", "log", fair),
        "randhie": study("randhie", "mdvis", "poisson", visits),
        "scotland": study("scotland", "YES", "gamma", votes),
        "stackloss": study("stackloss", "STACKLOSS", "squared", ["AIRFLOW", "WATERTEMP", "ACIDCONC"]),
        "engel": study("engel", "foodexp", "squared", ["income"]),
        "longley": study("longley", "TOTEMP", "squared", ["GNPDEFL", "GNP", "UNEMP", "ARMED", "POP", "YEAR"]),
    }


def cases() -> Iterator[Case]:
    """Learners on the data sets that suit them."""
    from sklearn import linear_model, naive_bayes, neural_network
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def scaled(make: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: make_pipeline(StandardScaler(), make())

    ols = linear_model.LinearRegression
    ridge = scaled(lambda: linear_model.RidgeCV(np.geomspace(1e-2, 1e2, 9)))
    for name in ("diabetes", "linnerud", "stackloss", "engel", "longley"):
        yield Case(name, ({"kind": "linear"}, {"kind": "linear", "l2": 0.01}), (ols, ridge))
    for name in ("stackloss", "engel"):
        robust = linear_model.HuberRegressor
        yield Case(name, ({"kind": "huber"}, {"kind": "huber", "delta": 0.5}), (robust, scaled(robust)))
    logistic = linear_model.LogisticRegression
    for name, kind, l2 in (
        ("breast_cancer", "logistic", 2.5e-3),
        ("fair", "logistic", 1e-5),
        ("iris", "softmax", 1e-3),
        ("wine", "softmax", 4e-3),
        ("digits", "softmax", 4e-4),
    ):
        yield Case(name, ({"kind": kind}, {"kind": kind, "l2": l2}), (logistic, scaled(lambda: logistic(C=2.0))))
    poisson = linear_model.PoissonRegressor
    yield Case(
        "randhie",
        ({"kind": "poisson"}, {"kind": "poisson", "l2": 1e-3}),
        (poisson, scaled(lambda: poisson(alpha=1e-3))),
    )
    gamma = linear_model.GammaRegressor
    yield Case(
        "scotland",
        ({"kind": "gamma"}, {"kind": "gamma", "l2": 1e-4}),
        (gamma, scaled(lambda: gamma(alpha=0.1))),
    )
    network = {"kind": "mlp", "hidden": [128], "dropout": 0.2}
    classifier = neural_network.MLPClassifier
    for name in ("iris", "wine", "breast_cancer", "digits"):
        yield Case(name, ({"kind": "mlp"}, network), (classifier, scaled(classifier)))
    regressor = neural_network.MLPRegressor
    yield Case("diabetes", ({"kind": "mlp"}, network | {"l2": 0.03}), (regressor, scaled(regressor)))
    counted = naive_bayes.GaussianNB
    for name in ("wine", "digits"):
        ours = {"kind": "naive_bayes"}
        yield Case(name, (ours, ours | {"smoothing": 0.01}), (counted, lambda: counted(var_smoothing=0.01)))
