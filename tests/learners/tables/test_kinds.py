"""The contract of learners with tables: what must hold for every kind of them."""

from functools import partial
from pathlib import Path
from typing import Any, get_args

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pyarrow as pa
import pytest

import yarnml
from tests.learners.tables.conftest import KEYED
from yarnml.data.rows import rows_of
from yarnml.errors import JobFileError, ModelError
from yarnml.job.learners import CustomTables, Options, TableLearnerOptions
from yarnml.learners.base import Batch
from yarnml.learners.registry import build_learner
from yarnml.learners.tables.base import Entries, TableLearner
from yarnml.model.model import Model
from yarnml.sparse.block import first_weights
from yarnml.sparse.gathered import gather

pytestmark = pytest.mark.long

OWN_MODEL = """
import jax.numpy as jnp

class Net:
    def __init__(self, slope=1.0):
        self.slope = slope

    def init(self, key, schema):
        return {"bias": jnp.zeros(()), "layer": 0.1 * jnp.ones((4, 3))}

    def score(self, parameters, rows, x, entries):
        site = entries.sums_by_field(rows["embedding"], x.shape[0], 5)[:, 0]
        hidden = jnp.tanh(site @ parameters["layer"]).sum(axis=1)
        return entries.sums(rows["weight"], x.shape[0])[:, 0] + self.slope * hidden + parameters["bias"]
"""
TABLES = {"weight": {"width": 1}, "embedding": {"width": 4, "initial": 0.1, "optimizer": {"kind": "row_adagrad"}}}
LEARNERS: dict[str, dict[str, Any]] = {
    "sparse_linear": {},
    "sparse_factorization_machine": {"rank": 2},
    "field_aware": {"rank": 2},
    "wide_and_deep": {"width": 3, "hidden": [6, 5]},
    "dlrm": {"width": 3, "bottom": [4], "hidden": [6]},
    "two_tower": {
        "item": ["advertisement", "words"],
        "width": 3,
        "hidden": [5],
        "vector": 4,
        "optimizer": {"kind": "ftrl"},  # Adagrad's first step is long also where a slope is but noise
        "layers": {"kind": "ftrl"},
    },
    "custom_tables": {"tables": TABLES, "options": {"slope": 0.5}},
}
STEPS = 4


def test_all_kinds() -> None:
    """Each kind of learner with tables is among those that are tested here."""
    kinds = [kind for kind in get_args(Options) if issubclass(kind, TableLearnerOptions)]
    assert {str(kind.__struct_config__.tag) for kind in kinds} == set(LEARNERS)


@pytest.fixture(scope="module", params=LEARNERS)
def learner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The learner section of each kind."""
    section = {"kind": request.param, **LEARNERS[request.param]}
    if request.param == "custom_tables":
        section["path"] = own_model(tmp_path_factory.mktemp("own"), OWN_MODEL)
    return section


def own_model(folder: Path, text: str) -> str:
    path = folder / "own.py"
    path.write_text(text)
    return f"{path}:Net"


@pytest.fixture(scope="module")
def rows(clicks: pa.Table) -> pa.Table:
    return clicks.slice(0, 600)


@pytest.fixture(scope="module")
def model(learner: dict[str, Any], rows: pa.Table) -> Model:
    """A model after full steps on few rows."""
    return fitted(rows, learner)


def fitted(rows: pa.Table, learner: dict[str, Any]) -> Model:
    return yarnml.fit(
        rows,
        features=[*KEYED, "pages"],
        label=None if learner["kind"] == "two_tower" else "clicked",
        learner=learner,
        data={"prepare": [{"kind": "key", "columns": KEYED}], "scale": "none"},
        training={"epochs": STEPS, "batch_size": len(rows), "shards": 1},
    )


def test_keyed_and_dense(model: Model, learner: dict[str, Any], rows: pa.Table) -> None:
    """Trained with a dense array of all rows, of which plain JAX takes the gradient, the outputs are the same."""
    kind = build_learner(msgspec.convert(learner, Options), model.schema)
    assert isinstance(kind, TableLearner)
    data = rows_of(rows, model.schema, "rows")
    assert data.keys
    state = kind.init(jax.random.key(0))
    blocks = state.table.blocks
    needed = gather(
        data.keys, lambda keys: {block.name: block.rule.first(first_weights(block, keys)) for block in blocks}
    )
    stored = needed.weights
    entries = Entries(needed.place, needed.row, needed.value, needed.field)
    batch = Batch(*data.arrays)
    dense = state.dense
    gradient = jax.jit(jax.grad(partial(kind.total, batch=batch, entries=entries), argnums=(0, 1)))
    for _ in range(STEPS):
        weights = {block.name: block.rule.weights(stored[block.name]) for block in blocks}
        own, by_key = gradient(kind.parameters(state._replace(dense=dense)), weights)
        stored = {b.name: b.rule.update(stored[b.name], np.asarray(by_key[b.name])) for b in blocks}
        dense = {d.name: d.block.rule.update(dense[d.name], np.asarray(own[d.name])) for d in kind.dense}
    weights = {block.name: block.rule.weights(stored[block.name]) for block in blocks}
    expected = kind.predict(kind.parameters(state._replace(dense=dense)), weights, jnp.asarray(data.x), entries)
    assert (np.std(expected, axis=0) > 0.02).all()
    np.testing.assert_allclose(model.outputs(rows), expected, atol=2e-5)


def test_predictions_of_a_row(model: Model, rows: pa.Table) -> None:
    """A row's prediction hangs on no other row, and a key that training did not meet adds nothing, as null does."""
    whole = model.outputs(rows)
    np.testing.assert_allclose(model.outputs(rows.slice(100, 7)), whole[100:107], atol=1e-6)
    assert model.outputs(rows.slice(0, 0)).shape == (0, *whole.shape[1:])
    first = rows.slice(0, 1).to_pylist()[0]
    unknown = pa.Table.from_pylist([first | {"site": "nowhere", "user": -5, "words": [-1, -2]}], rows.schema)
    nulls = pa.Table.from_pylist([first | {"site": None, "user": None, "words": None}], rows.schema)
    assert np.array_equal(model.outputs(unknown), model.outputs(nulls))
    assert not np.array_equal(model.outputs(nulls), whole[:1])


@pytest.mark.parametrize("learner", ["field_aware", "dlrm"], indirect=True)
def test_equations(model: Model, learner: dict[str, Any], rows: pa.Table) -> None:
    """The score is that of the definition, row by row in float64, of the exported arrays."""
    data = rows_of(rows.slice(0, 20), model.schema, "rows")
    assert data.keys
    assert data.keys.fields is not None
    table = model._content.table
    arrays = {name.removeprefix("parameters/"): a.astype(np.float64) for name, a in model._content.arrays.items()}
    score = {"field_aware": field_aware, "dlrm": dlrm}[learner["kind"]]
    outputs = model.outputs(rows.slice(0, 20))
    for row, (low, high) in enumerate(zip(data.keys.offsets[:-1], data.keys.offsets[1:], strict=True)):
        own = {name: a[np.searchsorted(table["keys"], data.keys.keys[low:high])] for name, a in table.items()}
        expected = score(own, data.keys.fields[low:high], arrays, data.x[row].astype(np.float64))
        assert outputs[row, 1] == pytest.approx(1 / (1 + np.exp(-expected)), abs=1e-5)


def field_aware(own: Any, fields: Any, arrays: Any, x: Any) -> float:
    factors = own["factors"].astype(np.float64).reshape(len(fields), 5, 2)
    pairs = sum(factors[a, fields[b]] @ factors[b, fields[a]] for b in range(len(fields)) for a in range(b))
    return float(own["weight"].sum() + x @ arrays["numbers"][:, 0] + arrays["bias"][0, 0] + pairs)


def dlrm(own: Any, fields: Any, arrays: Any, x: Any) -> float:
    def layer(name: str, x: Any) -> Any:
        return x @ arrays[f"{name}_weights"] + arrays[f"{name}_bias"][0]

    numbers = np.maximum(layer("bottom_1", np.maximum(layer("bottom_0", x), 0)), 0)
    vectors = [own["embedding"][fields == field].astype(np.float64).sum(axis=0) for field in range(5)] + [numbers]
    products = [vectors[a] @ vectors[b] for a in range(6) for b in range(a + 1, 6)]
    hidden = np.maximum(layer("layer_0", np.concatenate([products, numbers])), 0)
    return float(layer("layer_1", hidden)[0])


@pytest.mark.parametrize(
    ("text", "tables", "error", "sentence"),
    [
        (OWN_MODEL.replace("score", "rate"), TABLES, JobFileError, "own.py:Net has no function score"),
        (OWN_MODEL.replace("[:, 0] +", " +"), TABLES, ModelError, "score must return one float per row"),
        (OWN_MODEL.replace('rows["weight"]', 'rows["bias"]'), TABLES, ModelError, "raised KeyError: 'bias'"),
        (OWN_MODEL.replace("jnp.zeros(())", "0.0"), TABLES, ModelError, "init must return a pytree of float arrays"),
        (OWN_MODEL, {}, JobFileError, "learner.tables must be a mapping of length >= 1"),
        (OWN_MODEL, {"keys": {"width": 1}}, JobFileError, "neither keys, rare_keys nor rare_counts"),
        (OWN_MODEL, {"weight": {"wide": 1}}, JobFileError, "learner.tables.weight has an unknown key 'wide'"),
    ],
    ids=["no score", "columns", "no such table", "no array", "no tables", "keys", "no such field"],
)
def test_own_models_that_can_not_be(
    text: str, tables: Any, error: type[Exception], sentence: str, rows: pa.Table, tmp_path: Path
) -> None:
    """A user's model, or its tables, that can't be: one sentence each."""
    with pytest.raises(error, match=sentence):
        fitted(rows, {"kind": "custom_tables", "path": own_model(tmp_path, text), "tables": tables})


def test_first_values_of_a_seed(tmp_path: Path, rows: pa.Table) -> None:
    """Parameters of an own model begin as its ``init`` makes them of the seed."""
    text = OWN_MODEL.replace("0.1 * jnp.ones((4, 3))", "jax.random.normal(key, (4, 3))").replace(
        "import", "import jax\nimport", 1
    )
    options = CustomTables(path=own_model(tmp_path, text), tables={})
    schema = fitted(rows, {"kind": "sparse_linear"}).schema
    learner: Any = build_learner(options, schema)
    starts = [learner.parameters(learner.init(jax.random.key(seed)))["layer"] for seed in (3, 3, 4)]
    np.testing.assert_array_equal(starts[0], jax.random.normal(jax.random.key(3), (4, 3)))
    np.testing.assert_array_equal(starts[0], starts[1])
    assert not np.array_equal(starts[0], starts[2])


@pytest.mark.parametrize("kind", ["sparse_linear", "wide_and_deep"])
def test_units_do_not_matter(rows: pa.Table, kind: str) -> None:
    """A feature and a label in other units give the same model; the label's come back in predictions and metrics."""
    pages = np.asarray(rows["pages"], np.float64)
    outputs = []
    losses = []
    for unit in (1.0, 2.0**20):
        table = rows.set_column(rows.schema.get_field_index("pages"), "pages", pa.array(pages * unit))
        price = (3.0 + np.asarray(rows["clicked"]) + 0.1 * pages) * unit
        model = yarnml.fit(
            table.append_column("price", pa.array(price)),
            features=[*KEYED, "pages"],
            label="price",
            learner={"kind": kind},
            data={"prepare": [{"kind": "key", "columns": KEYED}], "validation": 0.2},
            training={"epochs": 3, "batch_size": 64},
        )
        outputs.append(model.outputs(table) / unit)
        losses.append(model.about["metrics"]["validation"]["loss"] / unit**2)
        assert losses[-1] < 0.4 * (price / unit).var()
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-5)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
