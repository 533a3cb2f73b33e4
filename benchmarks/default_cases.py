"""Learners on the data sets that suit them, with nothing set and at the best setting that we know, beside others."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks import default_peers as peers
from benchmarks.default_peers import Peer, estimator, one_hot, scaled

Make = Callable[[], Peer]
Learner = dict[str, Any]

KEYS = {"prepare": [{"kind": "key", "columns": [f"f{j}" for j in range(8)]}]}
"""Every value of the eight columns of ``fair`` is a key."""


class Case(NamedTuple):
    """One learner on one data set.

    ``ours``: the section ``learner`` of the job with defaults, and of the best one known.
    ``peers``: make the other library's model, with defaults, and the best one known.
    ``data``: further fields of the section ``data``.
    """

    table: str
    ours: tuple[Learner, Learner]
    peers: tuple[Make, Make]
    data: dict[str, Any] = {}  # noqa: RUF012


def cases() -> Iterator[Case]:
    yield from linear()
    yield from classes()
    yield from networks()
    yield from trees()
    yield from tables_of_keys()
    yield from series()
    yield from anomalies()


def linear() -> Iterator[Case]:
    from sklearn import linear_model

    ols = estimator(linear_model.LinearRegression)
    ridge = scaled(lambda: linear_model.RidgeCV(np.geomspace(1e-2, 1e2, 9)))
    for name in ("diabetes", "linnerud", "stackloss", "engel", "longley", "linnerud, all"):
        yield Case(name, _best("linear", l2=0.01), (ols, ridge))
    robust = linear_model.HuberRegressor
    for name in ("stackloss", "engel"):
        yield Case(name, _best("huber", delta=0.5), (estimator(robust), scaled(robust)))
    for name in ("engel, median", "diabetes, median"):
        yield Case(name, _best("quantile"), (peers.median, peers.median))
    poisson = linear_model.PoissonRegressor
    best = scaled(lambda: poisson(alpha=1e-3))
    yield Case("randhie", _best("poisson", l2=1e-3), (estimator(poisson), best))
    of_counts = peers.negative_binomial
    yield Case("randhie, dispersed", _best("negative_binomial"), (of_counts, of_counts))
    gamma = linear_model.GammaRegressor
    yield Case("scotland", _best("gamma", l2=1e-4), (estimator(gamma), scaled(lambda: gamma(alpha=0.1))))


def classes() -> Iterator[Case]:
    from sklearn import linear_model, naive_bayes, svm

    logistic = linear_model.LogisticRegression
    for name, kind, l2 in (
        ("breast_cancer", "logistic", 2.5e-3),
        ("fair", "logistic", 1e-5),
        ("iris", "softmax", 1e-3),
        ("wine", "softmax", 4e-3),
        ("digits", "softmax", 4e-4),
    ):
        yield Case(name, _best(kind, l2=l2), (estimator(logistic), scaled(lambda: logistic(C=2.0))))
    odds = peers.proportional_odds
    yield Case("fair, marriage", _best("ordinal"), (odds, odds))
    yield Case("breast_cancer, margin", _best("svm", l2=0.01), (estimator(svm.LinearSVC), scaled(svm.LinearSVC)))
    counted = naive_bayes.GaussianNB
    for name in ("wine", "digits"):
        best = estimator(lambda: counted(var_smoothing=0.01))
        yield Case(name, _best("naive_bayes", smoothing=0.01), (estimator(counted), best))


def networks() -> Iterator[Case]:
    from sklearn import linear_model, neural_network
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures

    network = {"hidden": [128], "dropout": 0.2}
    classifier = partial(neural_network.MLPClassifier, random_state=0)  # as ours, which have one, too
    for name in ("iris", "wine", "breast_cancer", "digits", "digits, two labels"):
        yield Case(name, _best("mlp", **network), (estimator(classifier), scaled(classifier)))
    regressor = partial(neural_network.MLPRegressor, random_state=0)
    for name in ("diabetes", "linnerud, all"):
        yield Case(name, _best("mlp", **network, l2=0.03), (estimator(regressor), scaled(regressor)))
    pairs = scaled(lambda: make_pipeline(PolynomialFeatures(2), linear_model.Ridge()))
    yield Case("diabetes", _best("factorization_machine", rank=2, l2=0.1), (pairs, pairs))


def trees() -> Iterator[Case]:
    from sklearn import ensemble, tree

    grown = tree.DecisionTreeRegressor
    yield Case("diabetes", _best("tree", depth=3), (estimator(grown), estimator(lambda: grown(max_depth=3))))
    forests = {"diabetes": ensemble.RandomForestRegressor, "wine": ensemble.RandomForestClassifier}
    forests |= {"digits": ensemble.RandomForestClassifier}
    for name, forest in forests.items():
        yield Case(name, _best("forest"), (estimator(forest), estimator(forest)))
    boosted = {"diabetes": ensemble.HistGradientBoostingRegressor, "randhie": ensemble.HistGradientBoostingRegressor}
    boosted |= dict.fromkeys(["wine", "breast_cancer"], ensemble.HistGradientBoostingClassifier)
    for name, boosting in boosted.items():
        options = {"loss": "poisson"} if name == "randhie" else {}
        objective = {"objective": "poisson"} if name == "randhie" else {}
        ours = {"kind": "boosting"} | objective
        made = (_with(boosting, **options), _with(boosting, **options, learning_rate=0.05, max_leaf_nodes=8))
        yield Case(name, (ours, ours | {"learning_rate": 0.05, "leaves": 8}), made)
    stumps = {"depth": 1, "trees": 20}
    of_hazards = peers.boosted_hazards, peers.boosted_hazard_stumps
    of_times = peers.boosted_times, peers.boosted_time_stumps
    for name, objective, xgboosts in (("heart", "cox", of_hazards), ("heart, times", "aft", of_times)):
        times = {"kind": "boosting", "objective": objective}
        yield Case(name, (times, times | stumps), xgboosts)
    ranks = {"kind": "boosting", "objective": "lambdarank"}
    row_by_row = estimator(ensemble.HistGradientBoostingRegressor)
    yield Case("modechoice", (ranks, ranks | {"depth": 3}), (row_by_row, row_by_row))


def tables_of_keys() -> Iterator[Case]:
    from sklearn import linear_model

    logistic = linear_model.LogisticRegression
    coded = one_hot(lambda: logistic(max_iter=1000)), one_hot(lambda: logistic(max_iter=1000, C=0.1))
    for kind in ("sparse_linear", "sparse_factorization_machine", "field_aware", "wide_and_deep", "dlrm"):
        yield Case("fair, keys", _best(kind), coded, KEYS)


def series() -> Iterator[Case]:
    lags = peers.autoregression, peers.short_autoregression
    gru = {"cell": "gru", "units": [32]}
    for name, steps in (("sunspots, 12 years", 33), ("elnino, 12 months", 24), ("unemployment, 4 quarters", 12)):
        horizon = {"kind": "recurrent", "horizon": int(name.split()[1])}
        yield Case(name, (horizon, horizon | gru), lags, {"shape": [steps, 1]})
    small = {"embedding": 32, "blocks": 1}
    attentive = {"kind": "transformer", "horizon": 12}
    yield Case("sunspots, 12 years", (attentive, attentive | small), lags, {"shape": [33, 1]})


def anomalies() -> Iterator[Case]:
    from sklearn import ensemble

    forest = ensemble.IsolationForest
    none = {"label": None, "label_type": "auto"}
    yield Case("breast_cancer, anomalies", _best("isolation_forest"), (estimator(forest), estimator(forest)), none)


def _best(kind: str, **options: Any) -> tuple[Learner, Learner]:
    """A learner with defaults, and with the options that we know for the best."""
    return {"kind": kind}, {"kind": kind, **options}


def _with(make: Callable[..., Any], **options: Any) -> Make:
    return estimator(lambda: make(**options))
