"""Data sets that scikit-learn and statsmodels bring, as the defaults of learners are tried on."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.default_losses import Table

FAIR = ["rate_marriage", "age", "yrs_married", "children", "religious", "educ", "occupation", "occupation_husb"]
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
VISITS = ["lncoins", "idp", "lpi", "fmde", "physlm", "disea", "hlthg", "hlthf", "hlthp"]
VOTES = ["COUTAX", "UNEMPF", "MOR", "ACT", "GDP", "AGE", "COUTAX_FEMALEUNEMP"]


def tables() -> dict[str, Callable[[], Table]]:
    """By name, the functions that load them."""
    return {
        "diabetes": bundled("diabetes", "squared", scaled=False),
        "diabetes, median": bundled("diabetes", "absolute", scaled=False),
        "linnerud": linnerud,
        "linnerud, all": lambda: bundled("linnerud", "squared")(),
        "breast_cancer": bundled("breast_cancer", "log"),
        "breast_cancer, margin": bundled("breast_cancer", "hinge"),
        "wine": bundled("wine", "log"),
        "iris": bundled("iris", "log"),
        "digits": bundled("digits", "log"),
        "digits, two labels": digits_of_two_labels,
        "fair": study("fair", "affairs", "log", FAIR, lambda y: y > 0),
        "fair, keys": fair_as_keys,
        "fair, marriage": study("fair", "rate_marriage", "log", FAIR[1:], lambda y: y - 1),
        "randhie": study("randhie", "mdvis", "poisson", VISITS),
        "randhie, dispersed": study("randhie", "mdvis", "negative_binomial", VISITS),
        "scotland": study("scotland", "YES", "gamma", VOTES),
        "stackloss": study("stackloss", "STACKLOSS", "squared", ["AIRFLOW", "WATERTEMP", "ACIDCONC"]),
        "engel": study("engel", "foodexp", "squared", ["income"]),
        "engel, median": study("engel", "foodexp", "absolute", ["income"]),
        "longley": study("longley", "TOTEMP", "squared", ["GNPDEFL", "GNP", "UNEMP", "ARMED", "POP", "YEAR"]),
        "heart": heart,
        "heart, times": lambda: heart()._replace(loss="discordance of times"),
        "modechoice": modes_of_travel,
        "breast_cancer, anomalies": few_malignant,
        "sunspots, 12 years": windows("sunspots", ["SUNACTIVITY"], 33, 12),
        "elnino, 12 months": windows("elnino", MONTHS, 24, 12),
        "unemployment, 4 quarters": windows("macrodata", ["unemp"], 12, 4),
    }


def bundled(name: str, loss: str, **options: Any) -> Callable[[], Table]:
    """A table of scikit-learn."""

    def load() -> Table:
        datasets = import_module("sklearn.datasets")
        return Table(*getattr(datasets, f"load_{name}")(return_X_y=True, **options), loss)

    return load


def study(
    name: str, label: str, loss: str, features: Sequence[str], change: Callable[[Any], Any] = lambda y: y
) -> Callable[[], Table]:
    """A table of statsmodels; ``change``: of the label."""

    def load() -> Table:
        frame = import_module(f"statsmodels.datasets.{name}").load_pandas().data
        y = np.asarray(change(frame[label].to_numpy()))
        kind = np.int64 if loss == "log" else np.float64
        return Table(frame[[*features]].to_numpy(np.float64), y.astype(kind), loss)

    return load


def linnerud() -> Table:
    table = bundled("linnerud", "squared")()
    return table._replace(y=table.y[:, 0])


def digits_of_two_labels() -> Table:
    """The digits, with the labels odd and above 4."""
    table = bundled("digits", "logs")()
    return table._replace(y=np.stack([table.y % 2, table.y > 4], axis=1).astype(np.int64))


def fair_as_keys() -> Table:
    """All features by tenths, as whole numbers that tell rows apart."""
    table = study("fair", "affairs", "log", FAIR, lambda y: y > 0)()
    return table._replace(x=np.rint(10 * table.x))


def heart() -> Table:
    """Days of life after a transplantation, by the age; negative for who lived on."""
    frame = import_module("statsmodels.datasets.heart").load_pandas().data
    time = np.maximum(frame["survival"].to_numpy(np.float64), 0.5)
    return Table(frame[["age"]].to_numpy(np.float64), np.where(frame["censors"] == 1, time, -time), "discordance")


def modes_of_travel() -> Table:
    """Four ways of a journey for each of 210 travellers, of whom each chose one."""
    frame = import_module("statsmodels.datasets.modechoice").load_pandas().data
    x = frame[["ttme", "invc", "invt", "gc"]].to_numpy(np.float64)
    return Table(x, frame["choice"].to_numpy(np.float64), "lost gain", group=frame["individual"].to_numpy(np.int64))


def few_malignant() -> Table:
    """Cells of the breast, of which only every tenth malignant one is left."""
    table = bundled("breast_cancer", "disorder")()
    kept = (table.y == 1) | (np.cumsum(table.y == 0) % 10 == 1)
    return table._replace(y=1 - table.y).at(np.flatnonzero(kept))


def windows(name: str, columns: Sequence[str], past: int, horizon: int) -> Callable[[], Table]:
    """Windows of a series of statsmodels: ``past`` numbers as features, the next ``horizon`` as labels.

    ``columns``: of its frame, whose numbers follow each other row by row.
    """

    def load() -> Table:
        frame = import_module(f"statsmodels.datasets.{name}").load_pandas().data
        series = frame[[*columns]].to_numpy(np.float64).ravel()
        rows = np.lib.stride_tricks.sliding_window_view(series, past + horizon)
        return Table(rows[:, :past], rows[:, past:], "squared", horizon)

    return load
