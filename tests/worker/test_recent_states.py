"""The states that a delay keeps: which one the sums of a step are computed at, also after a checkpoint."""

import numpy as np
import pytest

from yarnml.worker.recent_states import RecentStates

STEPS = 6  # of an epoch


def state(step: int) -> dict[str, np.ndarray]:
    return {"updates": np.array(step)}


def updates(states: RecentStates, ahead: int = 0) -> int:
    return int(states.at(ahead)["updates"])


@pytest.mark.parametrize("delay", [0, 1, 2, 4])
def test_the_state_of_every_step(delay: int) -> None:
    """Step t's sums are those of the state after t - delay updates, or of the epoch's first one, however far ahead."""
    states = RecentStates(state(0), delay)
    for step in range(2 * STEPS):
        begin = step // STEPS * STEPS
        ahead = range(min(delay + 1, begin + STEPS - step))
        assert [updates(states, n) for n in ahead] == [max(begin, step + n - delay) for n in ahead]
        states.push(state(step + 1))
        if (step + 1) % STEPS == 0:
            states.drain()


@pytest.mark.parametrize("behind", [0, 1, 5])
def test_saved_and_loaded(behind: int) -> None:
    """States that were saved in the middle of an epoch serve the same steps, whatever the loader held before."""
    states = RecentStates(state(0), 2)
    for step in range(behind):
        states.push(state(step + 1))
    arrays = states.older_tensors()
    assert len(arrays) == min(2, behind)
    other = RecentStates(state(9), 2)
    other.push(state(10))
    other.load(states.newest, arrays)
    assert [updates(other, n) for n in range(3)] == [updates(states, n) for n in range(3)]
