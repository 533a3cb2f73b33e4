"""Rounds, checkpoints and early stopping as pure functions: each decision after a round stands in a table."""

import pytest

from yarnml.checkpoint.manifest import FORMAT, Layer, Manifest, Position
from yarnml.data.schema import Schema
from yarnml.job.fields import steps_in
from yarnml.job.spec import EarlyStopping
from yarnml.master.schedule import AfterRound, Round, after_round, convergence, cut, is_over, layers, rounds

STEPS = 10  # of an epoch
EPOCHS = 5


def losses(*values: float) -> list[dict[str, float]]:
    """The history of epochs with these losses."""
    return [{"loss": value} for value in values]


def round_to(last: int, *, save: bool = False) -> Round:
    """The round that ends after step ``last`` of a job with five epochs of ten steps."""
    epoch = last // STEPS if last % STEPS == 0 else None
    final = last == EPOCHS * STEPS
    return Round(0, last - 5, last, epoch, save or final, final)


NOTHING = AfterRound(stop=False, save=False, wait_for_save=False, keep_step=None)
SAVE_BESIDE = NOTHING._replace(save=True)
SAVE_NOW = SAVE_BESIDE._replace(wait_for_save=True)
STOP = SAVE_NOW._replace(stop=True)

RESTORE = EarlyStopping(patience=2)
NEWEST = EarlyStopping(patience=2, restore_best=False)


@pytest.mark.parametrize(
    ("round", "position", "rule", "decision"),
    [
        # Without early stopping only the schedule of the job file counts.
        (round_to(15), Position(15, losses(3)), None, NOTHING),
        (round_to(20), Position(20, losses(3, 2)), None, NOTHING),
        (round_to(15, save=True), Position(15, losses(3)), None, SAVE_BESIDE),
        (round_to(20, save=True), Position(20, losses(3, 2)), None, SAVE_BESIDE),
        # The job ends with the state after its last step.
        (round_to(50), Position(50, losses(5, 4, 3, 2, 1)), None, SAVE_NOW),
        # A learner that has converged stops at the end of its epoch, not before.
        (round_to(15), Position(15, losses(3), converged=True), None, NOTHING),
        (round_to(20), Position(20, losses(3, 2), converged=True), None, STOP),
        # The best epoch is saved at once, and stays until another one is better.
        (round_to(20), Position(20, losses(3, 2), best_epoch=2), RESTORE, SAVE_NOW._replace(keep_step=20)),
        (round_to(15, save=True), Position(15, losses(3), best_epoch=1), RESTORE, SAVE_BESIDE._replace(keep_step=10)),
        (round_to(20), Position(20, losses(2, 3), best_epoch=1), RESTORE, NOTHING._replace(keep_step=10)),
        (round_to(30), Position(30, losses(2, 3, 3), best_epoch=1), RESTORE, STOP._replace(keep_step=10)),
        (round_to(50), Position(50, losses(5, 4, 3, 1, 2), best_epoch=4), RESTORE, SAVE_NOW._replace(keep_step=40)),
        # Where the newest state is wanted, no older one has to stay.
        (round_to(20), Position(20, losses(3, 2), best_epoch=2), NEWEST, SAVE_NOW),
        (round_to(30), Position(30, losses(2, 3, 3), best_epoch=1), NEWEST, STOP),
        # An epoch that was not evaluated is no reason to stop, and none is the best before the first evaluation.
        (round_to(30), Position(30, [*losses(2), {}, {}], best_epoch=1), RESTORE, NOTHING._replace(keep_step=10)),
        (round_to(20), Position(20, [{}, {}]), RESTORE, NOTHING),
    ],
)
def test_after_a_round(round: Round, position: Position, rule: EarlyStopping | None, decision: AfterRound) -> None:
    """Each case has one decision: whether to stop, to save, to wait for that, and what to keep."""
    assert after_round(round, position, rule, STEPS) == decision


@pytest.mark.parametrize(
    ("position", "rule", "over"),
    [
        (Position(0, []), None, False),
        (Position(0, []), RESTORE, False),
        (Position(30, losses(2, 3, 3), best_epoch=1), RESTORE, True),
        (Position(30, losses(2, 3, 3), best_epoch=1), None, False),
        (Position(10, losses(2), converged=True), None, True),
    ],
)
def test_a_job_that_goes_on_may_be_over(position: Position, rule: EarlyStopping | None, over: bool) -> None:
    """A checkpoint says whether any round is left to train."""
    assert is_over(position, rule) is over


def test_rounds_are_cut_the_same_wherever_a_job_goes_on() -> None:
    """Every step is in one round; a job that goes on after any round has the rest of the same ones."""
    checkpoint_steps = steps_in("4 steps", STEPS)
    whole = list(rounds(0, 2, STEPS, checkpoint_steps))
    assert [(round.first, round.last) for round in whole] == [(0, 4), (4, 8), (8, 10), (10, 12), (12, 16), (16, 20)]
    assert [round.epoch for round in whole] == [None, None, 1, None, None, 2]
    assert [round.save for round in whole] == [True, True, False, True, True, True]
    assert [round.final for round in whole] == [False] * 5 + [True]
    for done in (round.last for round in whole):
        assert list(rounds(done, 2, STEPS, checkpoint_steps)) == [round for round in whole if round.first >= done]
    assert list(rounds(5, 2, STEPS, checkpoint_steps)) == [whole[1]._replace(first=5), *whole[2:]]  # left in its middle


def test_a_job_that_is_left_in_a_round() -> None:
    """It is saved where it is, and waited for that; what is due at the end of the round is left for another time."""
    whole = round_to(20)
    assert cut(whole, 20) == whole
    part = cut(whole, 17)
    assert (part.last, part.epoch, part.save, part.final) == (17, None, False, False)
    assert after_round(part, Position(17, losses(3)), None, STEPS) == NOTHING
    assert after_round(part, Position(17, losses(3)), None, STEPS, leave=True) == SAVE_NOW
    assert after_round(whole, Position(20, losses(3, 2)), None, STEPS, leave=True) == SAVE_NOW


@pytest.mark.parametrize(("every", "steps"), [("1 epoch", 10), ("3 epochs", 30), ("1 step", 1), ("25 steps", 25)])
def test_a_period_in_steps(every: str, steps: int) -> None:
    """A period in epochs is as many steps as those have."""
    assert steps_in(every, STEPS) == steps


@pytest.mark.parametrize(
    ("position", "advice", "stopped_early", "expected"),
    [
        (Position(10, losses(2)), None, False, (None, [])),
        (Position(10, losses(2), converged=True), "go on", True, (True, [])),
        (Position(10, losses(2)), "go on", True, (None, [])),
        (Position(10, losses(2)), "go on", False, (False, ["not converged after 1 epoch: go on"])),
        (
            Position(20, losses(2, 1), remarks=["left out: x"]),
            "go on",
            False,
            (False, ["not converged after 2 epochs: go on", "left out: x"]),
        ),
    ],
)
def test_what_is_said_of_convergence(
    position: Position, advice: str | None, stopped_early: bool, expected: tuple[bool | None, list[str]]
) -> None:
    """A learner that can tell has converged or not; one that early stopping ended, or that can't tell, says nothing."""
    assert convergence(position, advice, stopped_early=stopped_early) == expected


@pytest.mark.parametrize(
    ("newest", "step", "full_every", "steps"),
    [
        (None, 10, 3, []),
        ((10, []), 20, 1, []),
        ((10, []), 20, 3, [10]),
        ((20, [10]), 30, 3, [10, 20]),
        ((30, [10, 20]), 40, 3, []),
        ((30, []), 20, 3, []),
    ],
    ids=["first", "always full", "second", "third", "full again", "an older step"],
)
def test_layers(newest: tuple[int, list[int]] | None, step: int, full_every: int, steps: list[int]) -> None:
    """A checkpoint has what changed since the one before, until as many as ``full_every`` says have one full."""
    manifest = newest and Manifest(
        FORMAT, {}, Schema((), "y", "number"), 1, Position(newest[0], []), {"table-00000-of-00001.safetensors": "a"},
        layers=[Layer(number, {}) for number in newest[1]],
    )  # fmt: skip
    built = layers(manifest, step, full_every)
    assert [layer.step for layer in built] == steps
    assert not built or built[-1].files == {"table-00000-of-00001.safetensors": "a"}
