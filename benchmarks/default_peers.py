"""Models of other libraries in scikit-learn's form, as the defaults of learners are compared with them."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from benchmarks.default_losses import Array, Table

Predict = Callable[[Array], Array]


class Peer:
    """A model whose ``fit`` takes a `Table` and returns a function of features, the outputs that its loss is for."""

    def __init__(self, fit: Callable[[Table], Predict]) -> None:
        self._fit = fit

    def fit(self, table: Table) -> Self:
        self.outputs = self._fit(table)
        return self


def estimator(make: Callable[[], Any]) -> Callable[[], Peer]:
    """An estimator of scikit-learn: its predictions, probabilities, or margins, as the loss asks."""

    def fit(table: Table) -> Predict:
        model = make().fit(table.x, table.y)
        if table.loss == "hinge":
            return lambda x: np.asarray(model.decision_function(x))
        if table.loss == "disorder":
            return lambda x: -np.asarray(model.score_samples(x))
        if table.loss not in ("log", "logs"):
            return lambda x: np.asarray(model.predict(x))
        return lambda x: np.asarray(model.predict_proba(x))

    return lambda: Peer(fit)


def scaled(make: Callable[[], Any]) -> Callable[[], Peer]:
    """An estimator behind features of mean 0 and variance 1."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return estimator(lambda: make_pipeline(StandardScaler(), make()))


def one_hot(make: Callable[[], Any]) -> Callable[[], Peer]:
    """An estimator behind a number for every value of every feature."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    return estimator(lambda: make_pipeline(OneHotEncoder(handle_unknown="ignore"), make()))


def median() -> Peer:
    """Quantile regression of statsmodels."""
    from statsmodels.regression.quantile_regression import QuantReg
    from statsmodels.tools import add_constant

    def fit(table: Table) -> Predict:
        model = QuantReg(table.y, add_constant(table.x)).fit(q=0.5)
        return lambda x: np.asarray(model.predict(add_constant(x, has_constant="add")))

    return Peer(fit)


def negative_binomial() -> Peer:
    """The generalised linear model of statsmodels."""
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools import add_constant

    def fit(table: Table) -> Predict:
        model = GLM(table.y, add_constant(table.x), families.NegativeBinomial(alpha=1.0)).fit()
        return lambda x: np.asarray(model.predict(add_constant(x, has_constant="add")))

    return Peer(fit)


def autoregression() -> Peer:
    """The autoregression of statsmodels with all lags of a window, one step after another."""
    return _autoregression(lambda series, lags: range(1, lags + 1))


def short_autoregression() -> Peer:
    """An autoregression with as many lags as the information criterion of Schwarz says."""
    from statsmodels.tsa.ar_model import ar_select_order

    return _autoregression(lambda series, lags: ar_select_order(series, lags, ic="bic").ar_lags or [1])


def _autoregression(lags_of: Callable[[Array, int], Sequence[int]]) -> Peer:
    from statsmodels.tsa.ar_model import AutoReg

    def fit(table: Table) -> Predict:
        past = table.x.shape[1]
        series = np.concatenate([table.x[:-1, 0], table.x[-1], table.y[-1]])
        lags = np.array(lags_of(series, past))
        constant, *factors = AutoReg(series, lags=[*lags]).fit().params

        def predict(x: Array) -> Array:
            for _ in range(table.y.shape[1]):
                x = np.column_stack([x, constant + x[:, x.shape[1] - lags] @ np.array(factors)])
            return x[:, past:]

        return predict

    return Peer(fit)


def proportional_odds() -> Peer:
    """The ordered model of statsmodels."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    def fit(table: Table) -> Predict:
        model = OrderedModel(table.y, table.x, distr="logit").fit(method="bfgs", disp=False)
        return lambda x: np.asarray(model.predict(x))

    return Peer(fit)


def boosted_hazards() -> Peer:
    """Trees of xgboost by Cox's likelihood, as many rounds as its ``train`` makes by default."""
    return _boosted({"objective": "survival:cox"})


def boosted_times() -> Peer:
    """Trees of xgboost by the likelihood of accelerated failure times, as many rounds as by default."""
    return _boosted({"objective": "survival:aft"})


def boosted_hazard_stumps() -> Peer:
    """Trees of xgboost with one split each, by Cox's likelihood."""
    return _boosted({"objective": "survival:cox", "max_depth": 1})


def boosted_time_stumps() -> Peer:
    """Trees of xgboost with one split each, by the likelihood of accelerated failure times."""
    return _boosted({"objective": "survival:aft", "max_depth": 1})


def _boosted(options: dict[str, Any]) -> Peer:
    import xgboost

    def fit(table: Table) -> Predict:
        rows = xgboost.DMatrix(table.x, table.y)
        if options["objective"] == "survival:aft":
            rows.set_float_info("label_lower_bound", np.abs(table.y))
            rows.set_float_info("label_upper_bound", np.where(table.y > 0, table.y, np.inf))
        model = xgboost.train(options, rows)
        return lambda x: np.asarray(model.predict(xgboost.DMatrix(x)))

    return Peer(fit)
