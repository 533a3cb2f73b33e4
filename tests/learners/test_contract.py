"""The contract of a learner, the same laws for every kind; one entry in `KINDS` of kinds.py adds an alternative."""

import copy
from collections.abc import Callable
from functools import cache, partial, reduce
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import safetensors.numpy

from tests.learners.cases import ROWS, Case, build_case
from tests.learners.kinds import ALIKE, BASIC, KINDS, OWN_MODEL, QUICK
from yarnml.data.schema import Rows
from yarnml.job.learners import Custom
from yarnml.learners.base import Batch, Learner, ShardLearner
from yarnml.learners.named_arrays import from_tensors, tensors
from yarnml.learners.precision import compile_for
from yarnml.learners.ratings.als import AlternatingLeastSquares
from yarnml.learners.trees.ensemble import Ensemble
from yarnml.worker.program import Program

HALF = ROWS // 2


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """Builds the case of a kind, once: compiling takes longest."""
    folder = tmp_path_factory.mktemp("custom")
    (folder / "own_model.py").write_text(OWN_MODEL)

    @cache
    def of_kind(kind: str) -> Case:
        options, columns = KINDS[kind]
        own = Custom(path=str(folder / options.path)) if isinstance(options, Custom) else options
        return build_case(own, columns)

    return of_kind


def parameters(mark: pytest.MarkDecorator) -> list[Any]:
    """Every kind, with a mark where it is not basic; all tests of a kind run in one process."""
    process = {kind: pytest.mark.xdist_group(f"the contract of {kind}") for kind in KINDS}
    tier = dict.fromkeys(KINDS, mark) | dict.fromkeys(BASIC, pytest.mark.long)
    tier |= dict.fromkeys(ALIKE, pytest.mark.breadth)
    return [pytest.param(kind, marks=[process[kind], *([] if kind in QUICK else [tier[kind]])]) for kind in KINDS]


@pytest.fixture(scope="module", params=parameters(pytest.mark.breadth))
def case(request: pytest.FixtureRequest, build: Callable[[str], Case]) -> Case:
    """The case of a kind."""
    return build(request.param)


@pytest.fixture(scope="module", params=parameters(pytest.mark.long))
def every_case(request: pytest.FixtureRequest, build: Callable[[str], Case]) -> Case:
    """The case of a kind, also in `make test` of all but those that are like another one."""
    return build(request.param)


def first_rows(batch: Batch, count: int) -> Batch:
    return Batch(*(a[:count] for a in batch))


def add(a: Any, b: Any) -> Any:
    """Sums and sums, as a reducer adds them."""
    return jax.tree.map(np.add, a, b)


def close(a: Any, b: Any) -> None:
    """Equal to the precision of float32 sums over a few rows."""
    jax.tree.map(lambda p, q: np.testing.assert_allclose(p, q, rtol=2e-5, atol=2e-5), a, b)


def same(a: Any, b: Any) -> None:
    """Equal to the bit, types included."""
    first = tensors(a)
    second = tensors(b)
    assert first.keys() == second.keys()
    for name, array in first.items():
        assert (array.dtype, array.tobytes()) == (second[name].dtype, second[name].tobytes()), name


def test_rows_of_weight_zero_add_nothing(every_case: Case) -> None:
    """A batch and the same batch with padding behind it have the same sums."""
    batch = first_rows(every_case.batch, HALF)
    state = every_case.state()
    padded = Batch(*(np.concatenate([a, a]) for a in batch))
    padded.weight[HALF:] = 0
    close(every_case.map(state, padded), every_case.map(state, batch))


def test_sums_over_a_batch_are_the_sums_over_its_parts(case: Case) -> None:
    """map(a batch) = map(its first rows) + map of what is left, in one part or row by row among padding."""
    if isinstance(case.learner, AlternatingLeastSquares):
        pytest.skip("its sums tell who has rows in several shards")
    if case.by_batch:
        pytest.skip("normalises by the rows of its batch")
    batch = case.batch
    state = case.state()
    if isinstance(case.learner, Ensemble):  # its first pass has each value of a shard once
        state, _ = case.update(state, case.map(state, batch))
    whole = case.map(state, batch)
    first = case.map(state, first_rows(batch, HALF))
    rows_left = Batch(*(a[HALF:] for a in batch))
    close(add(first, case.map(state, rows_left)), whole)
    singles = [
        case.map(state, rows_left._replace(weight=rows_left.weight * one)) for one in np.eye(HALF, dtype=np.float32)
    ]
    close(reduce(add, singles, first), whole)


def test_a_weight_of_two_is_the_row_twice(case: Case) -> None:
    """Weights count rows: whole-number weights give the sums of the repeated rows."""
    counts = np.arange(len(case.rows.x)) % 3
    batch = case.batch
    state = case.state()
    weighted = batch._replace(weight=counts.astype(np.float32))
    repeated = Batch(*(np.repeat(a, counts, axis=0) for a in batch))._replace(weight=np.ones(counts.sum(), np.float32))
    close(case.map(state, weighted), case.map(state, repeated))


def test_what_is_held_can_be_worked_out_anew(case: Case) -> None:
    """Sums have the same bits from what was held all along, since any earlier pass, or of the shard's rows alone."""
    if not isinstance(case.learner, ShardLearner):
        pytest.skip("keeps nothing")
    batch = case.batch
    state = case.state()
    along = case.prepare_shard(jax.tree.map(np.asarray, state), batch)
    for number in range(20):
        on_host = jax.tree.map(np.asarray, state)
        if number % 3 == 0:
            now_and_then = copy.deepcopy(along)
        anew = case.learner.map_shard(on_host, case.prepare_shard(on_host, batch))[0]
        sums, along = case.learner.map_shard(on_host, along)
        same(sums, anew)
        same(case.learner.map_shard(on_host, copy.deepcopy(now_and_then))[0], anew)
        state, _ = case.update(state, sums)


def test_a_shard_without_rows_has_sums_too(case: Case) -> None:
    """A learner that sees whole shards has sums of the usual shapes, all 0, where all weights are 0."""
    if not isinstance(case.learner, ShardLearner):
        pytest.skip("sees padding")
    state = jax.tree.map(np.asarray, case.state())
    empty, _ = case.learner.map_shard(state, case.learner.prepare_shard(state, []))
    usual, _ = case.learner.map_shard(state, case.prepare_shard(state, case.batch))
    for nothing, something in zip(jax.tree.leaves(empty), jax.tree.leaves(usual), strict=True):
        assert (nothing.shape, nothing.dtype) == (something.shape, something.dtype)
        assert not nothing.any()


def test_update_is_pure(case: Case) -> None:
    """An update of equal state and sums gives an equal next state, to the bit, and touches neither."""
    state = case.state()
    sums = case.map(state, case.batch)
    before = tensors({"state": state, "sums": sums})
    first, scores = case.update(state, sums)
    second, again = case.update(state, sums)
    same(first, second)
    same(scores, again)
    same(from_tensors({"state": state, "sums": sums}, before), {"state": state, "sums": sums})
    assert not all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (state, first)), strict=True))


def test_a_step_without_weight_keeps_numbers_finite(case: Case) -> None:
    """A step of rows that all have weight 0 does not divide by it."""
    state = case.state()
    batch = case.batch._replace(weight=np.zeros(len(case.rows.x), np.float32))
    following, scores = case.update(state, case.map(state, batch))
    assert all(np.isfinite(a).all() for a in tensors(following).values())
    assert float(scores.weight) == 0.0


def test_predictions_and_losses_have_one_row_each(case: Case) -> None:
    """predict gives probabilities [rows, classes] that add up to 1, or numbers [rows]; loss gives [rows].

    Of several labels predictions are [rows, labels].  Without a label they are [rows, clusters], or anything that has
    rows.
    """
    n = len(case.rows.x)
    outputs, losses = compile_for(case.learner, partial(_outputs_and_losses, case.learner))(case.state(), case.batch)
    assert losses.shape == (n,)
    if case.schema.label_shape:
        assert outputs.shape == (n, *case.schema.label_shape)
    elif case.schema.label_type == "number":
        assert outputs.shape == (n,)
    elif case.schema.label_type in ("none", "text"):
        assert len(outputs) == n
        assert not case.schema.outputs or outputs.shape == (n, case.schema.outputs)
    else:
        assert outputs.shape == (n, case.schema.outputs)
        np.testing.assert_allclose(outputs.sum(axis=1), 1.0, rtol=1e-5)


def _outputs_and_losses(learner: Learner, state: Any, batch: Batch) -> tuple[Any, Any]:
    parameters = learner.parameters(state)
    return learner.predict(parameters, batch.x), learner.loss(parameters, batch)


def test_training_lowers_the_loss(case: Case) -> None:
    """Fifty steps on one batch lower its mean loss."""
    batch = case.batch
    state = case.state()
    state, scores = case.update(state, case.map(state, batch))
    for _ in range(50):
        state, last = case.update(state, case.map(state, batch))
    assert float(last.loss) < 0.99 * float(scores.loss)


def test_the_state_round_trips_through_arrays(case: Case) -> None:
    """State → named arrays → safetensors → state keeps every bit, after a step too."""
    state = case.state()
    state, _ = case.update(state, case.map(state, case.batch))
    arrays = safetensors.numpy.load(safetensors.numpy.save(case.program.saved(state, case.scaling)))
    same(case.program.loaded(case.state(), case.scaling, arrays)[0], state)


def test_the_exported_program_predicts_the_same_without_yarnml(case: Case) -> None:
    """safetensors and jax.export alone give the learner's predictions, for any number of rows."""
    state = case.state()
    saved = safetensors.numpy.save(case.program.tensors(state, case.scaling))
    arrays = safetensors.numpy.load(saved)
    predict = jax.export.deserialize(bytearray(case.program.stablehlo_of(state))).call
    for n in (1, ROWS):
        x = case.rows.x[:n]
        expected, _ = case.program.evaluate(state, case.scaling, Rows(x, case.rows.y[:n], case.rows.weight[:n]))
        np.testing.assert_allclose(predict(arrays, x), expected, rtol=2e-5, atol=2e-6)


def test_the_exported_program_is_the_same_every_time(case: Case) -> None:
    """Two programs of one learner have the same bytes, and name no source file."""
    first = case.program.stablehlo
    second = Program(case.learner, case.schema).stablehlo
    assert first == second
    assert b".py" not in first
    assert str(Path(__file__).parents[2]).encode() not in first


def test_the_flat_vector_is_the_sums(case: Case) -> None:
    """Program.map and Program.update do, over one flat vector, what the learner's map and update do."""
    program = Program(case.learner, case.schema)
    state = case.state()
    sums = case.map(state, case.batch)
    flat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(sums)])
    close(program.map(state, None, case.rows), flat)
    expected, _ = case.update(state, sums)
    close(program.update(state, flat)[0], expected)  # of equal sums: Adam makes much of a gradient that is all but 0
