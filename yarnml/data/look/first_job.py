"""A first job file for data that was looked into: which columns are features, how they become numbers, what learns."""

import os
import re
from typing import Any, NamedTuple

import msgspec
import yaml

from yarnml.data.look.facts import ColumnFacts
from yarnml.data.look.survey import Look
from yarnml.errors import JobFileError
from yarnml.job.csv import Csv

MAX_CLASSES = 20
"""Different whole numbers up to which a label holds classes, not quantities."""

MAX_CATEGORIES = 50
"""Different texts up to which each has a number of its own."""

MIN_WORDS = 3
"""Words from which a text is one to read, not the name of something."""

MIN_ROWS_TO_HOLD_OUT = 50
_NUMBER = "(u?int|float|double|halffloat|bool|decimal)"
LABELS = ("label", "target", "y", "class", "outcome")
"""Names that a label has where nobody says which column it is."""


class FirstJob(NamedTuple):
    """The document of a job file, and why columns are not in it."""

    document: dict[str, Any]
    left_out: dict[str, str]


def first_job(look: Look, label: str | None, path: str) -> FirstJob:
    """Guess a job; JobFileError where there is no such label, or nothing to learn from.

    ``path``: of the file that it is written to, which names the job.
    """
    by_name = {column.name: column for column in look.columns}
    chosen = label or next((name for name in by_name if name.lower() in LABELS), None)
    if chosen is None:
        raise JobFileError(f"--label is needed: none of the columns is called {', '.join(LABELS)}.")
    if chosen not in by_name:
        raise JobFileError(f"--label: the data have no column '{chosen}'; they have {', '.join([*by_name][:20])}.")
    target = by_name.pop(chosen)
    is_class = _is_class(target)
    reasons = {name: _reason(column) for name, column in by_name.items()}
    features = [name for name in by_name if not reasons[name]]
    if not features:
        raise JobFileError(f"The data have no column to learn '{chosen}' from; see the table for why.")
    data: dict[str, Any] = {"train": look.paths if len(look.paths) > 1 else look.paths[0]}
    if look.format != "parquet":
        data["format"] = look.format
    if look.csv and look.csv != Csv():
        default = msgspec.to_builtins(Csv())
        data["csv"] = {n: value for n, value in msgspec.to_builtins(look.csv).items() if value != default[n]}
    data |= {"label": chosen, "label_type": "class" if is_class else "number", "features": features}
    if target.nulls:
        data["where"] = f'"{chosen.replace(chr(34), chr(34) * 2)}" is not null'
    if steps := _steps([by_name[name] for name in features]):
        data["prepare"] = steps
    if look.rows - target.nulls >= MIN_ROWS_TO_HOLD_OUT:
        data["validation"] = 0.2
        data |= {"stratify": True} if is_class else {}
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", os.path.basename(path).rpartition(".")[0]).strip("._-")[:100] or "first"
    document = {
        "name": name,
        "data": data,
        "learner": {"kind": "boosting"},
        "workers": {"count": 2 if look.rows >= 2 * MIN_ROWS_TO_HOLD_OUT else 1},
        "export": "models",
    }
    return FirstJob(document, {column: reason for column, reason in reasons.items() if reason})


def as_yaml(job: FirstJob) -> str:
    """The text of a job file, with a line for each column that is not in it."""
    lines = ["# A first guess: what the columns mean is yours to say.  docs/job-file.md explains every field."]
    lines += [f"# left out: {name} ({reason})" for name, reason in job.left_out.items()]
    body = yaml.safe_dump(job.document, sort_keys=False, allow_unicode=True, width=110)
    return "\n".join([*(line.replace("\n", " ") for line in lines), body])


def _is_class(target: ColumnFacts) -> bool:
    """Tell whether a label holds classes; JobFileError where it can hold neither classes nor numbers."""
    if target.content not in ("text", "booleans", "whole numbers", "fractions"):
        raise JobFileError(f"--label: column '{target.name}' holds {target.content}, which can't be predicted.")
    if target.is_constant:
        raise JobFileError(
            f"--label: column '{target.name}' has the same value in all rows; there is nothing to learn."
        )
    if target.content == "whole numbers":
        return target.distinct is not None and target.distinct <= MAX_CLASSES
    if target.content == "text" and target.distinct is None:
        raise JobFileError(f"--label: column '{target.name}' has too many different texts to be classes.")
    return target.content != "fractions"


def _reason(column: ColumnFacts) -> str:
    """Why a column is no feature; empty for one that is."""
    if column.content == "nothing":
        return "holds nothing but nulls"
    if column.lengths:
        is_plain = re.fullmatch(rf"(large_|fixed_size_)?list<.*: {_NUMBER}.*", column.kind)
        return "" if is_plain else f"lists of {column.kind.partition('<')[2].rstrip('>')}"
    if column.is_constant:
        return "has the same value in all rows"
    is_text = column.content == "text" and column.words < MIN_WORDS
    if column.is_unique and (is_text or (column.content == "whole numbers" and _is_called_id(column.name))):
        return "tells rows apart, as a key does"
    usable = ("whole numbers", "fractions", "booleans", "dates", "text")
    return "" if column.content in usable else f"holds {column.content}"


def _is_called_id(name: str) -> bool:
    return bool(re.search(r"(^|[_. ])(id|key|nr|no|number|index)$|[a-z]I[dD]$", name, re.IGNORECASE))


def _steps(features: list[ColumnFacts]) -> list[dict[str, Any]]:
    """The steps that make numbers of text and dates."""
    texts = [column for column in features if column.content == "text"]
    long = [column.name for column in texts if column.words >= MIN_WORDS and _is_many(column)]
    few = [column.name for column in texts if not _is_many(column)]
    many = [column.name for column in texts if column.name not in [*long, *few]]
    booleans = [column.name for column in features if column.content == "booleans" and not column.kind]
    steps: list[dict[str, Any]] = []
    if dates := [column.name for column in features if column.content == "dates"]:
        steps.append({"kind": "datetime", "columns": dates, "since": "2000-01-01"})
    if uneven := [
        column.name for column in features if column.lengths and (column.nulls or len({*column.lengths}) > 1)
    ]:
        steps.append({"kind": "pool", "columns": uneven, "by": ["mean", "min", "max", "count"]})
    if few or booleans:
        steps.append({"kind": "one_hot", "columns": [*few, *booleans]})
    if many:
        steps.append({"kind": "hash", "columns": many, "width": 64})
    if long:
        steps.append({"kind": "text", "columns": long, "width": 256})
    return steps


def _is_many(column: ColumnFacts) -> bool:
    return column.distinct is None or column.distinct > MAX_CATEGORIES
