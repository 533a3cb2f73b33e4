"""The state that all workers go on from, and states that are wrong: decisions on reports."""

import pytest

from yarnml.control.reports import Done, Report, StatePosition
from yarnml.master.state_sync import differing, newest, residual_holders


def at(step: int) -> StatePosition:
    return StatePosition(step, 0.5 * step, 1.0 * step)


@pytest.mark.parametrize(
    ("steps", "worker"),
    [
        ({0: 5, 1: 6, 2: 5}, 1),
        ({0: 5, 1: 6, 2: 6}, 1),  # the first of those who are furthest
        ({0: 5, 1: 9, 2: 4}, 0),  # 9 is beyond the round, 4 is the state before it
        ({0: 4, 1: -1}, None),  # nobody has a state of this round
        ({}, None),
    ],
)
def test_the_furthest_gives_its_state(steps: dict[int, int], worker: int | None) -> None:
    """All go on from the furthest state within the round that somebody has; others are of no use."""
    reports: dict[int, Report] = {w: at(step) for w, step in steps.items()}
    assert newest(reports | {7: Done()}, 5, 8) == (None if worker is None else (worker, at(steps[worker])))


@pytest.mark.parametrize(
    ("digests", "wrong"),
    [
        ("aaa", []),
        ("a", []),
        ("aba", [1]),
        ("abcaa", [1, 2]),
        ("ab", None),
        ("aabb", None),
        ("aabc", None),  # half are not most
    ],
)
def test_the_state_of_most_is_right(digests: str, wrong: list[int] | None) -> None:
    """Wrong are the states that differ from those of more than half; without such a majority nobody can tell."""
    assert differing(dict(enumerate(digests))) == wrong


def test_who_has_a_residual() -> None:
    """A shard's residual is that of a worker which has it before this step; of one that was lost nobody has it."""
    reports: dict[int, Report] = {
        0: StatePosition(4, 0.0, 0.0, residuals={0: [3, 4], 1: [3, 4]}),
        1: StatePosition(5, 0.0, 0.0, residuals={2: [4, 5], 3: [5, 6]}),
        2: Done(),
    }
    assert residual_holders(reports, 4) == {0: 0, 1: 0, 2: 1}
    assert residual_holders(reports, 5) == {2: 1, 3: 1}
