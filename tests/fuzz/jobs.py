"""Documents drawn from the job file's own schema: mostly of the right form, with values at and beyond every bound."""

import copy
import datetime
import json
import re
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.conftest import ROOT

SCHEMA = json.loads((ROOT / "appspec/job.schema.json").read_bytes())

NASTY: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, -(2**63) - 1, 10**30, 0.5, -0.0, 1e-320, 1e308,
    float("nan"), float("inf"), "", " ", "a\n", "a\0b", "\ud800", "é", "\x1b[2J", "a" * 5000, "%s{}", "$(id)", "null",
    "1 epoch\n", "9" * 30 + " TiB", "0 B", "1e3", [], [[]], [None], {}, {"": ""}, {"kind": None}, {1: 2},
    {"kind": "mlp"}, datetime.date(2024, 2, 29), b"\xff", ["x", "x"], [[[[[]]]]], {"a": {"b": {"c": {}}}},
]  # fmt: skip
"""Values that break programs."""

COLUMNS = {
    "features": ["x"],
    "columns": ["x"],
    "label": ["y"],
    "weight": ["w"],
    "offset": ["w"],
    "exposure": ["w"],
    "metric": ["loss"],
}
FORMS = ["job", "f1", "http://127.0.0.1:9/a", "1 epoch", "3 steps", "512 MiB", "2 epochs", "1.5 TiB", "0 B", "5 min"]
PLACES = [
    "rows.parquet",
    "rows.csv",
    "none.csv",
    ".",
    "*.parquet",
    "memory://a/b",
    "nope://a:b@c/d",
    "file:///none",
    "~",
]


def documents() -> st.SearchStrategy[dict[str, Any]]:
    """Jobs: each field of the schema with values that it takes, now and then with others."""
    return _spoilt(st.tuples(_value(SCHEMA), st.booleans()).map(lambda drawn: _plausible(*drawn)))


def _plausible(document: dict[str, Any], plain: bool) -> dict[str, Any]:
    """The document with columns that go with its learner; where it is plain, without what fits few jobs."""
    data = document["data"]
    unlabelled = document["learner"].get("kind") in ("kmeans", "gaussian_mixture", "pca")
    data |= {"features": ["x"], "label": None if unlabelled else "y"}
    if plain:
        fields = ("shape", "classes", "class_weights", "stratify", "prepare", "weight", "label_type", "validation")
        fields += ("offset", "exposure", "follow")
        document["data"] = {name: value for name, value in data.items() if name not in fields}
        document["training"] = {"epochs": 2}
        return {name: value for name, value in document.items() if name not in ("search", "evaluation", "workers")}
    return document


def _spoilt(documents: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Documents of which most have a nasty value somewhere."""

    @st.composite
    def draw_one(draw: Any) -> Any:
        document = draw(documents)
        for _ in range(draw(st.integers(0, 2))):
            _put(draw, document)
        return document

    return draw_one()


def _put(draw: Any, document: dict[str, Any]) -> None:
    """Put a nasty value, or an unknown key, somewhere into a document."""
    place: Any = document
    while isinstance(place, dict) and place:
        key = draw(st.sampled_from(sorted(place, key=str)))
        inner = place[key]
        if not isinstance(inner, dict) or not inner or draw(st.booleans()):
            place[draw(st.sampled_from([key, key, key, "unknown", 5]))] = copy.deepcopy(draw(st.sampled_from(NASTY)))
            return
        place = inner


def _value(spec: dict[str, Any], name: str = "") -> st.SearchStrategy[Any]:
    """Values of a part of the schema; ``name``: the field that holds it."""
    if "$ref" in spec:
        kind = spec["$ref"].rpartition("/")[2]
        return _section(SCHEMA["$defs"][kind])
    if "anyOf" in spec:
        return st.deferred(lambda: st.one_of([_value(part, name) for part in spec["anyOf"]]))
    if "enum" in spec:
        return st.sampled_from(spec["enum"])
    return _plain(spec, name)


def _plain(spec: dict[str, Any], name: str) -> st.SearchStrategy[Any]:
    low = spec.get("minimum", spec.get("exclusiveMinimum", 0))
    high = spec.get("maximum", spec.get("exclusiveMaximum", 1000))
    match spec.get("type"):
        case "integer":
            return st.sampled_from([n for n in (low, low + 1, 2, 3, 10, 64, high) if low <= n <= high])
        case "number":
            return st.sampled_from([n for n in (0.1, 0.5, 0.75, 40.0, (low + high) / 2) if low < n < high])
        case "boolean":
            return st.booleans()
        case "array" if "prefixItems" in spec:
            return st.tuples(*(_value(part, name) for part in spec["prefixItems"])).map(list)
        case "array":
            return st.lists(_value(spec.get("items", {}), name), min_size=spec.get("minItems", 0), max_size=3)
        case "object":
            return st.dictionaries(st.sampled_from(["learner.l2", "A", "0"]), _value(_values_of(spec)), max_size=2)
        case "null":
            return st.none()
        case "string":
            return _text(spec, name)
    return st.sampled_from(NASTY)


def _values_of(spec: dict[str, Any]) -> dict[str, Any]:
    values = spec.get("additionalProperties", {})
    return values if isinstance(values, dict) else {}


def _text(spec: dict[str, Any], name: str) -> st.SearchStrategy[str]:
    if name in ("train", "test", "validation"):
        return st.sampled_from(PLACES)
    if name in COLUMNS:
        return st.sampled_from(COLUMNS[name])
    if "pattern" in spec:
        return st.sampled_from([text for text in FORMS if re.search(spec["pattern"], text)])
    return st.sampled_from(["a", "adam", "balanced", "own.py:Net", "job", "é"])


def _section(spec: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "properties" not in spec:
        return _value(spec)
    required = {name: _value(spec["properties"][name], name) for name in spec.get("required", [])}
    optional = {name: _value(part, name) for name, part in spec["properties"].items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


def examples() -> list[bytes]:
    """The job files that users begin with."""
    return [path.read_bytes() for path in sorted(Path(ROOT / "examples").glob("*/job.yaml"))]
