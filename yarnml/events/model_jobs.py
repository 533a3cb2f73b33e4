"""The good ends of jobs that read rows and write one output, and their text for people."""

import msgspec

from yarnml.events.fact import Fact
from yarnml.events.text import columns, count_of

SECTIONS = ("predict", "evaluate", "explain", "look")
"""What a job does that trains nothing: the section of its job file, and the name of its rows."""

SHOWN_FEATURES = 10
"""Features that the text of an explanation names: the tables have all."""


class ShardsDone(Fact, frozen=True):
    """The progress of a job that trains nothing: ``done`` of its ``shards``; ``work``: what is done with each."""

    work: str
    done: int
    shards: int
    workers: int


class Predicted(Fact, frozen=True):
    """The good end of a job that predicts.

    ``model``: the version.  ``nulls``: rows that could not be predicted.
    ``local``: the share of the bytes that lay on the host of the worker that read them; None if not known.
    ``already``: had an earlier run finished it?
    """

    name: str
    output: str
    model: str
    rows: int
    nulls: int
    files: int
    seconds: float = 0.0
    local: float | None = None
    already: bool = False


class EvaluationResult(Fact, frozen=True):
    """The good end of an evaluation of a stored model.

    ``rows``: of the data.  ``weight``: of all rows together, which is their number where they have none of their own.
    ``groups``: the metrics of each value of the column ``by``, as text.
    """

    name: str
    output: str
    model: str
    rows: int
    weight: float
    metrics: dict[str, float]
    by: str | None
    groups: dict[str, dict[str, float]]


class ExplanationResult(Fact, frozen=True):
    """The good end of an explanation.

    ``importances``: by column, the largest first; empty for rows without labels.
    ``sizes``: mean sizes of SHAP values by feature, the largest first.
    ``note``: about a page that could not be drawn.
    """

    name: str
    output: str
    model: str
    rows: int
    method: str
    metric: str
    importances: dict[str, float]
    sizes: dict[str, float]
    note: str = ""


class LookResult(Fact, frozen=True):
    """The good end of a look at data.  ``rows``: that were read."""

    name: str
    output: str
    rows: int
    columns: int


def shards_line(event: ShardsDone) -> str:
    """The line about a job that trains nothing."""
    shards = f"{event.done} of {count_of(event.shards, 'shard')}"
    return f"{event.work}: {shards}, {100 * event.done / event.shards:.0f} %  {count_of(event.workers, 'worker')}"


def rows_of(name: str, count: int) -> str:
    """Rows and what they are for: a part of the data, or what a model is to do with them."""
    if name not in SECTIONS:
        return f"{count} {name} rows"
    return f"{count} rows to look at," if name == "look" else f"{count} rows to {name}"


def prediction_summary(end: Predicted) -> str:
    """The end of a job that predicts, one fact a line."""
    rows = f"{end.rows} rows in {count_of(end.files, 'file')}"
    facts = [(end.name, "had finished before; nothing to do" if end.already else f"done: {rows}")]
    facts.append(("time", f"{end.seconds:.1f} s"))
    if end.nulls:
        facts.append(("null", f"{end.nulls} rows could not be predicted"))
    if end.local is not None:
        facts.append(("data", f"{100 * end.local:.0f} % of the bytes were on the host of their worker"))
    return columns([*facts, ("model", end.model), ("output", end.output)])


def evaluation_json(end: EvaluationResult) -> str:
    """The end of an evaluation for programs; a metric that is not defined is left out."""
    facts = msgspec.structs.asdict(end)
    shown = {name: facts[name] for name in ("model", "rows", "weight", "metrics", "by", "groups")}
    return msgspec.json.format(msgspec.json.encode(shown)).decode()


def evaluation_table(end: EvaluationResult) -> str:
    """The end of an evaluation for people: a line for each metric, a column for all rows and one for each group."""
    sides = {"all": end.metrics, **{f"{end.by}={name}": metrics for name, metrics in end.groups.items()}}
    names = dict.fromkeys(name for metrics in sides.values() for name in metrics)
    rows = [[name, *(_shown(metrics.get(name)) for metrics in sides.values())] for name in names]
    return f"{end.model}: {end.rows} rows\n" + columns([["", *sides], *rows])


def look_text(end: LookResult) -> str:
    """The end of a look at data for people; what was seen is in its output."""
    return f"{end.name}: {count_of(end.rows, 'row')}, {count_of(end.columns, 'column')}\noutput: {end.output}"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"


def explanation_text(end: ExplanationResult) -> str:
    """The end of an explanation for people: the features that matter most."""
    heads = ["feature", "mean |SHAP|"]
    rows = [[name, f"{size:.4g}"] for name, size in [*end.sizes.items()][:SHOWN_FEATURES]]
    text = f"{end.model}: {end.rows} rows, {end.method}\n" + columns([heads, *rows])
    if end.importances:
        costs = [[name, f"{value:.4g}"] for name, value in [*end.importances.items()][:SHOWN_FEATURES]]
        text += "\n\n" + columns([["column", f"importance by {end.metric}"], *costs])
    return "\n".join(filter(None, [text, end.note, f"output: {end.output}"]))
