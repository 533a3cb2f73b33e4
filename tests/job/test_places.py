"""The places that a job names: of none may a container lack the delegation token."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from yarnml.job.base import places
from yarnml.job.explanation import ModelExplanation
from yarnml.job.look import DataLook
from yarnml.job.model_evaluation import ModelEvaluation
from yarnml.job.prediction import Prediction
from yarnml.job.spec import Job

URL = "hdfs://elsewhere:8020/place"

PATHS = {"path", "file", "folder", "model", "output", "archive", "pex", "image", "sign"}
"""Names of fields that sound like a place, whatever their type says."""

NOT_READ_FROM_STORAGE = {
    "learner.path": "code, which travels in an archive of the user's own folder",
    "environment.image": "a name that Docker knows",
    "export.sign": "a private key, on the machine of the master",
}

REQUIRED: dict[type, dict[str, Any]] = {
    Job: {"name": "job", "data": {"train": "t", "features": ["x"]}, "learner": {"kind": "custom", "path": "a.py:A"}},
    Prediction: {"name": "job", "predict": {"model": "m", "data": "d", "output": "o"}},
    ModelEvaluation: {"name": "job", "evaluate": {"model": "m", "data": "d", "output": "o"}},
    DataLook: {"name": "job", "look": {"data": "d", "output": "o"}},
    ModelExplanation: {"name": "job", "explain": {"model": "m", "data": "d", "output": "o"}},
}
"""The least of each kind of job that can be submitted."""


def place_fields(type_: inspect.Type, path: str = "") -> Iterator[str]:
    """The fields below a type that hold places, by their types or by their names."""
    match type_:
        case inspect.Metadata():
            if (type_.extra or {}).get("place"):
                yield path
            yield from place_fields(type_.type, path)
        case inspect.UnionType():
            for part in type_.types:
                yield from place_fields(part, path)
        case inspect.ListType():
            yield from place_fields(type_.item_type, path)
        case inspect.StructType():
            for field in type_.fields:
                inner = f"{path}.{field.encode_name}".strip(".")
                if field.encode_name in PATHS and not isinstance(field.type, inspect.StructType):
                    yield inner
                yield from place_fields(field.type, inner)


CASES = [(kind, field) for kind in REQUIRED for field in sorted({*place_fields(inspect.type_info(kind))})]


@pytest.mark.parametrize(("kind", "field"), CASES, ids=[f"{kind.__name__}: {field}" for kind, field in CASES])
def test_every_place(kind: type, field: str) -> None:
    """A URL in any field for a place is among the places of the job, whose tokens are collected."""
    job = msgspec.convert(put(msgspec.to_builtins(REQUIRED[kind]), field), kind)
    assert (URL in places(job).values()) is (field not in NOT_READ_FROM_STORAGE)


def put(document: dict[str, Any], field: str) -> dict[str, Any]:
    """The document with a place in a field; sections on the way have what they need."""
    *sections, last = field.split(".")
    mapping = document
    for section in sections:
        if not isinstance(mapping.get(section), dict):
            mapping[section] = {"kind": "logistic"} if section == "learner" else {}
        mapping = mapping[section]
    mapping[last] = URL
    if field == "export.sign":
        mapping["path"] = "models"
    return document
