"""The candidates of a search: which values of which fields are tried.  Pure functions of the job file."""

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from yarnml.errors import JobFileError
from yarnml.job.spec import Job, Range, Search

Values = dict[str, Any]  # a field of the job file by its path → what it is set to

MAX_CANDIDATES = 1000
DRAWN_DIGITS = 4
"""Significant digits of a drawn number: few, so that a table shows the number as it is."""

_SEED_STREAM = 5  # this module's own stream of random numbers: other choices draw from the job's seed too
_LEARNER = "fields of learner, but for kind and path"
_TRAINING = ("epochs", "batch_size", "delay", "local_steps", "shuffle_rows", "early_stopping")


def draw_candidates(search: Search, seed: int) -> list[Values]:
    """The values of every candidate, in order; without ``over`` one candidate without values, the job as it is."""
    if search.method == "grid":
        lists = [choice if isinstance(choice, list) else [] for choice in search.over.values()]
        return [dict(zip(search.over, values, strict=True)) for values in product(*lists)]
    random = np.random.default_rng([seed, _SEED_STREAM])
    distinct: list[Values] = []
    for _ in range(search.candidates):
        values = {name: _draw(choice, random) for name, choice in search.over.items()}
        if values not in distinct:
            distinct.append(values)
    return distinct


def check(job: Job) -> None:
    """Refuse a search that can't be made, by what its fields and those of other sections say together."""
    search = job.search
    data = job.data
    assert search
    if not search.folds and not search.over:
        raise JobFileError("search needs folds, over or both: it has nothing to compare.")
    if search.folds and data.validation is not None:
        raise JobFileError("search.folds and data.validation both say which rows judge a candidate; give one of them.")
    if not search.folds and data.validation is None:
        raise JobFileError("search needs folds, or data.validation (a fraction or a path), to judge the candidates by.")
    if search.whole_groups and not (search.folds and data.group):
        raise JobFileError(
            "search.whole_groups needs search.folds, and data.group, the column whose rows of one value stay together."
        )
    if search.whole_groups and data.stratify:
        raise JobFileError("search.whole_groups and data.stratify both say which fold a row is in; give one of them.")
    stops = job.training.early_stopping or any(name.startswith("training.early_stopping") for name in search.over)
    if search.folds and stops:
        raise JobFileError(
            "training.early_stopping has no rows to stop by when the best candidate is trained on all rows; "
            "remove it and search over training.epochs, or give data.validation instead of search.folds."
        )
    _check_over(search)


def _check_over(search: Search) -> None:
    """Refuse fields that can't be searched, and values that can't be drawn."""
    for name, choice in search.over.items():
        if not _can_be_searched(name):
            raise JobFileError(
                f"search.over: {name} can't be searched; what can are {_LEARNER}, and "
                f"{', '.join(f'training.{field}' for field in _TRAINING)}."
            )
        if outer := next((other for other in search.over if name.startswith(f"{other}.")), None):
            raise JobFileError(f"search.over: {outer} and {name} set the same thing; give one of them.")
        if not isinstance(choice, Range):
            if not choice:
                raise JobFileError(f"search.over: {name} needs one value or more.")
        elif search.method == "grid":
            raise JobFileError(f"search.over: {name} is a range, of which a grid can't try all; set method: random.")
        elif not _ordered(choice):
            raise JobFileError(
                f"search.over: {name} must go from a number to a larger one, both finite and with scale: log above 0, "
                f"not from {choice.low} to {choice.high}."
            )
    count = _count(search.over) if search.method == "grid" else search.candidates
    if count > MAX_CANDIDATES:
        raise JobFileError(f"search asks for {count} candidates, more than {MAX_CANDIDATES}; try fewer values.")


def _can_be_searched(name: str) -> bool:
    section, field = [*name.split("."), ""][:2]
    return field in _TRAINING if section == "training" else section == "learner" and field not in ("", "kind", "path")


def _count(over: Mapping[str, list[Any] | Range]) -> int:
    return math.prod(len(choice) for choice in over.values() if isinstance(choice, list))


def _ordered(range: Range) -> bool:
    finite = math.isfinite(range.low) and math.isfinite(range.high)
    return finite and range.low < range.high and (range.scale == "linear" or range.low > 0)


def _draw(choice: list[Any] | Range, random: np.random.Generator) -> Any:
    """One of the values, all with the same chance, or a number of the range, both ends included."""
    if isinstance(choice, list):
        return choice[random.integers(len(choice))]
    low = choice.low
    high = choice.high
    log = choice.scale == "log"
    if isinstance(low, int) and isinstance(high, int):
        if not log:
            return int(random.integers(low, high + 1))
        return min(max(round(math.exp(random.uniform(math.log(low), math.log(high)))), low), high)
    value = math.exp(random.uniform(math.log(low), math.log(high))) if log else random.uniform(low, high)
    return min(max(float(f"{value:.{DRAWN_DIGITS}g}"), low), high)
