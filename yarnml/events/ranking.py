"""The candidates of a search, as a person reads them."""

from typing import Any

from yarnml.events.events import Ranked, SearchDone
from yarnml.events.text import columns


def settings(values: dict[str, Any]) -> str:
    """The fields of a candidate: 'learner.l2 0.01, learner.hidden [64]'."""
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "the job as it is"


def ranking(search: SearchDone) -> str:
    """The candidates of a search as a table, and which is the best."""
    names = list(search.candidates[0].values)
    rows = [["", *names, search.metric]]
    for number, candidate in enumerate(search.candidates):
        values = [str(value) for value in candidate.values.values()]
        rows.append(["best" if number == search.best else "", *values, _score(candidate, search.folds)])
    return columns(rows)


def _score(candidate: Ranked, folds: int) -> str:
    if candidate.mean is None:
        return "can't be trained"
    spread = "" if folds == 1 else f" ± {candidate.deviation or 0.0:.2g}"
    return f"{candidate.mean:.4g}{spread}"
