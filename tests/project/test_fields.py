"""The fields of job files: each stands in its page, with the default that it has."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from msgspec.structs import FieldInfo as Field

from yarnml.job.explanation import Explain
from yarnml.job.learners import Options
from yarnml.job.learners.rules import Rule
from yarnml.job.learners.tables import Table
from yarnml.job.model_evaluation import Evaluate
from yarnml.job.prediction import Predict
from yarnml.job.prepare import Step
from yarnml.job.spec import Export, Job

ROOT = Path(__file__).parents[2]


def fields(struct: type[msgspec.Struct], path: str = "") -> Iterator[tuple[str, Field]]:
    """Every field of a section and of the sections below it, by its path in the job file.

    Of the rules by which tables are updated only those of ``optimizer``: the others have the same fields.
    """
    for field in msgspec.structs.fields(struct):
        name = path + field.encode_name
        yield name, field
        for kind in (field.type, *getattr(field.type, "__args__", ())):
            if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct) or field.name == "learner":
                continue
            if kind not in Rule.__args__ or name == "learner.optimizer":
                yield from fields(kind, name + ".")


def every_field() -> list[tuple[str, Field]]:
    learners = [pair for kind in Options.__args__ for pair in fields(kind, "learner.")]
    return [*fields(Job), *learners, *fields(Table, "learner.tables.")]


def default(field: Field) -> Any:
    """A field's default as plain values; None also where the default means nothing."""
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.to_builtins(field.default_factory())
    return msgspec.to_builtins(field.default)


def check_default(field: Field, cell: str) -> None:
    """The cell of a table says what a field's default is."""
    if field.required:
        assert cell.startswith("required")
    elif (given := default(field)) is None:
        assert "–" in cell
    else:
        shown = [yaml.safe_load(re.sub(r"(\d)e-", r"\1.0e-", value)) for value in re.findall(r"`([^`]+)`", cell)]
        assert given in shown


@pytest.mark.parametrize(("name", "field"), every_field(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_field_is_explained(name: str, field: Field) -> None:
    """docs/job-file.md has a line for every field of the job file, with the default that it has."""
    page = (ROOT / "docs/job-file.md").read_text()
    row = re.search(rf"^\| `{re.escape(name)}` \| (.*?) \| .+ \|$", page, re.MULTILINE)
    assert row, f"{name} is missing"
    if not field.required and isinstance(default(field), dict) and name in Job.__struct_fields__:
        assert row[1] == "`{}`"  # a section that may be left out
    else:
        check_default(field, row[1])


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field) for kind in Step.__args__ for field in msgspec.structs.fields(kind)],
    ids=lambda value: value.name if isinstance(value, Field) else value.__struct_config__.tag,
)
def test_every_field_of_a_step_is_explained(kind: type[msgspec.Struct], field: Field) -> None:
    """docs/preparation.md has a line for every field of a step, with the kinds that have it and its default."""
    page = (ROOT / "docs/preparation.md").read_text()
    row = re.search(rf"^\| `{field.name}` \| (.*?) \| (.*?) \| .+ \|$", page, re.MULTILINE)
    assert row, f"{field.name} is missing"
    assert row[1] == "all" or f"`{kind.__struct_config__.tag}`" in row[1]
    check_default(field, row[2])


@pytest.mark.parametrize(
    ("page", "name", "field"),
    [
        (page, name, field)
        for page, section, kind in (
            ("predictions", "predict", Predict),
            ("predictions", "evaluate", Evaluate),
            ("explanations", "explain", Explain),
        )
        for name, field in fields(kind, f"{section}.")
        if ".csv." not in name
    ],
    ids=lambda value: str(value),
)
def test_every_field_of_a_scoring_is_explained(page: str, name: str, field: Field) -> None:
    """The page of a job that applies a model has a line for every field of its section, with its default."""
    row = re.search(rf"^\| `{name}` \| (.*?) \| .+ \|$", (ROOT / f"docs/{page}.md").read_text(), re.MULTILINE)
    assert row, f"{name} is missing"
    check_default(field, row[1])


def test_no_other_field_is_explained() -> None:
    """docs/job-file.md has no line for a field that is none."""
    page = (ROOT / "docs/job-file.md").read_text()
    known = {name for name, _ in every_field()} | {"learner.kind"}
    assert set(re.findall(r"^\| `([a-z_.0-9]+)` \|", page, re.MULTILINE)) == known
    assert {f"export.{f}" for f in Export.__struct_fields__} <= known
