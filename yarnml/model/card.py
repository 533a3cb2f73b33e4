"""The model card: what a version is, in words that its model.json and its arrays bear out, and no others.

Mitchell et al., "Model Cards for Model Reporting", FAT* 2019, for the idea.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy.typing as npt

from yarnml.data.output_columns import names_of_numbers
from yarnml.data.schema import Schema
from yarnml.errors import ExportError
from yarnml.model.coefficients import coefficients
from yarnml.model.importances import ranked

MAX_ROWS = 20
"""Rows of the longer tables: model.json and Python have all."""
MAX_COLUMNS = 200
MAX_WIDTH = 10_000
"""Features of a model whose coefficients are looked at."""


def card(about: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """Write the card of a version in Markdown; ``arrays``: as `yarnml.model.coefficients` takes them."""
    schema = msgspec.convert(about["schema"], Schema)
    parts = [
        [f"# {about['name']}", f"A model of kind `{about['learner']['kind']}` that {_purpose(schema)}."],
        ["## Training", *_table(["fact", "value"], _facts(about))],
        ["## Data", *_table(["part", "rows", "fingerprint"], _data(about))],
        ["## Metrics", *_metrics(about["metrics"])],
        ["## Columns", *_table(["column", "numbers", "preparation"], _columns(schema))],
        _effects(arrays, schema),
        ["## Limits", *[f"* {_cell(limit)}" for limit in _limits(about, schema)]],
    ]
    return "\n\n".join("\n".join(_spaced(part)) for part in parts if part) + "\n"


def _purpose(schema: Schema) -> str:
    """The words for what a model predicts."""
    if schema.task == "text":
        return f"predicts each piece of `{_cell(schema.features[0].name)}`, a text, from those before it"
    if not schema.labels:
        return "learnt without a label"
    if schema.label_shape:
        names = ", ".join(f"`{_cell(name)}`" for name in schema.labels[:MAX_ROWS])
        return f"predicts {len(schema.labels)} {'numbers' if schema.task == 'multioutput' else 'labels'} ({names})"
    if schema.quantiles:
        return f"predicts the quantiles {', '.join(names_of_numbers(schema))} of `{_cell(schema.label)}`"
    if schema.label_type == "number":
        return f"predicts the number `{_cell(schema.label)}`"
    names = ", ".join(_cell(name) for name in (schema.classes or ())[:MAX_ROWS])
    return f"predicts `{_cell(schema.label)}`, one of {schema.outputs} classes ({names})"


def _facts(about: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    yield "created", f"{about['created']} by {about['user']} on {about['host']}"
    if about["application"]:
        yield "application", about["application"]
    yield "learner", ", ".join(f"{name} {value}" for name, value in about["learner"].items() if value is not None)
    yield "parameters", about["parameters"]
    yield "updates", about["steps"]
    if about["parent"]:
        yield "began with", about["parent"]["folder"]
    if about["code"]:
        yield "code of its own, by digest", about["code"]
    yield "packages", ", ".join(f"{name} {version}" for name, version in about["packages"].items())


def _data(about: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    return [(name, part["rows"], part["fingerprint"][:16]) for name, part in about["data"].items()]


def _metrics(metrics: Mapping[str, Mapping[str, float]]) -> list[str]:
    if not metrics:
        return ["None: the job had neither validation nor test data."]
    names = list(dict.fromkeys(name for part in metrics.values() for name in part))
    rows = [[name, *(_number(part.get(name)) for part in metrics.values())] for name in names]
    return _table(["metric", *metrics], rows)


def _columns(schema: Schema) -> list[tuple[str, int, str]]:
    columns = [(f.name, f.width, ", ".join(step.kind for step in f.steps) or "none") for f in schema.features]
    left = len(columns) - MAX_COLUMNS
    return [*columns[:MAX_COLUMNS], *([(f"{left} more", 0, "")] if left > 0 else [])]


def _effects(arrays: Mapping[str, npt.NDArray[Any]], schema: Schema) -> list[str]:
    """The coefficients in the order of the columns, or the largest importances, as far as a model has such."""
    if schema.width > MAX_WIDTH:
        return []
    # Not as an Arrow table: making one loads pandas.
    for title, tabulate in (("Coefficients", _coefficients), ("Importances", ranked)):
        try:
            table = tabulate(arrays, schema)
        except ExportError:
            continue
        shown = [
            n for n in ("feature", "class", "label", "coefficient", "standard_error", "gain", "splits") if n in table
        ]
        rows = [*zip(*(table[name] for name in shown), strict=True)]
        more = [f"{len(rows) - MAX_ROWS} more are in `{title.lower()}()` of the loaded model."]
        return [f"## {title}", *_table(shown, rows[:MAX_ROWS]), *(more if len(rows) > MAX_ROWS else [])]
    return []


def _coefficients(arrays: Mapping[str, npt.NDArray[Any]], schema: Schema) -> dict[str, list[Any]]:
    return coefficients(arrays, schema).to_pydict()


def _limits(about: Mapping[str, Any], schema: Schema) -> Iterable[str]:
    """Sentences that follow from the facts."""
    yield from about["remarks"]
    if about["converged"] is False:
        yield "the training ended before it had converged"
    if "test" not in about["metrics"]:
        yield "it was not tested on rows that had no part in its training"
    if schema.task == "class":
        yield "it knows no other classes than those above, and gives each row one of them"
    yield f"features are float32; {'missing values are taken' if schema.missing else 'missing values are refused'}"
    yield "its program is code: load it only where you trust who wrote it"


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return ["\n".join(f"| {' | '.join(_cell(_number(cell)) for cell in line)} |" for line in lines)]


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _cell(text: Any) -> str:
    """A text in one line that is no markup."""
    plain = " ".join(str(text).split())
    return "".join(f"\\{c}" if c in "|`*<>[]" else c for c in plain)


def _spaced(lines: Sequence[str]) -> Iterable[str]:
    """Paragraphs with an empty line between them, but for the lines of a list."""
    for number, line in enumerate(lines):
        if number and not (line.startswith("* ") and lines[number - 1].startswith("* ")):
            yield ""
        yield line
