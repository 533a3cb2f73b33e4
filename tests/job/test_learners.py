"""The options of learners: a new kind is one struct beside one module, and nothing else in the job file's room."""

import ast
import importlib
from pathlib import Path
from typing import get_args

import pytest

from yarnml.job import learners
from yarnml.job.learners import LearnerOptions, Options

ROOM = Path(learners.__file__).parents[1]
KINDS: tuple[type[LearnerOptions], ...] = get_args(Options)


def test_only_the_learners_section_names_kinds() -> None:
    """No module of yarnml/job outside of job/learners names a kind of learner or the base of a family."""
    names = {base.__name__ for kind in KINDS for base in kind.__mro__ if issubclass(base, LearnerOptions)}
    modules = [path for path in ROOM.rglob("*.py") if "learners" not in path.relative_to(ROOM).parts]
    assert len(modules) > 5
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                    assert name not in names, f"{path.name}:{node.lineno} names {name}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_a_struct_and_a_module(kind: type[LearnerOptions]) -> None:
    """The struct's family and tag name the module that builds the learner."""
    family = kind.__module__.removeprefix("yarnml.job.learners.")
    module = importlib.import_module(f"yarnml.learners.{family}.{kind.__struct_config__.tag}")
    assert callable(module.build)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_checked_in_one_place(kind: type[LearnerOptions]) -> None:
    """Between the base of all options and a kind, one class at most says what the kind asks of its job."""
    own = [base for base in kind.__mro__ if "check" in vars(base) and base is not LearnerOptions]
    assert len(own) <= 1
