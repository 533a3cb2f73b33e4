"""Backup tasks and stragglers: decisions on tables of facts."""

import pytest

from yarnml.control.calls import Progress
from yarnml.master.stragglers import choose_backup, stragglers


def at(step: int, mapped: int) -> Progress:
    return Progress(at=step, mapped=mapped)


OWNED = {0: [0, 1, 2], 1: [3, 4, 5], 2: [6, 7]}


@pytest.mark.parametrize(
    ("progress", "copied", "copy", "expected"),
    [
        ({0: at(5, 3), 1: at(5, 1), 2: at(5, 2)}, [], False, (5, True)),  # 4 is being computed, 5 waits
        ({0: at(5, 3), 1: at(5, 0), 2: at(5, 0)}, [], False, (5, True)),  # worker 1 has most to do
        ({0: at(5, 3), 1: at(5, 0), 2: at(5, 0)}, [5], False, (4, True)),  # as many wait at both
        ({0: at(5, 3), 1: at(5, 1), 2: at(5, 2)}, [5], False, None),  # what runs is copied only when asked for
        ({0: at(5, 3), 1: at(5, 1), 2: at(5, 2)}, [5], True, (4, False)),
        ({0: at(5, 3), 1: at(5, 1), 2: at(5, 2)}, [4, 5], True, None),  # one copy of a task at most
        ({0: at(5, 3), 1: at(4, 3), 2: at(6, 0)}, [], True, (5, True)),  # worker 1 is not even there yet
        ({0: at(5, 3), 2: at(5, 2)}, [], True, (5, True)),  # nothing is known of worker 1
        ({0: at(5, 0), 1: at(5, 3), 2: at(5, 2)}, [], True, None),  # nobody else has anything to do
    ],
)
def test_the_choice_of_a_backup_task(
    progress: dict[int, Progress], copied: list[int], copy: bool, expected: tuple[int, bool] | None
) -> None:
    """Tasks that wait come first, from the worker that has most; running ones only when copies are wanted, and once."""
    assert choose_backup(OWNED, progress, copied, 0, 5, copy=copy) == expected


def worked(tasks: int, busy: float) -> Progress:
    return Progress(tasks=tasks, busy=busy)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({0: (1, 9.0), 1: (1, 1.0)}, {0: (11, 10.0), 1: (11, 11.0)}, [1]),  # 1.0 s a task against 0.1
        ({0: (1, 9.0), 1: (1, 1.0)}, {0: (11, 10.0), 1: (11, 2.5)}, []),  # not even twice as slow
        ({0: (1, 0.0), 1: (1, 0.0)}, {0: (11, 0.1), 1: (11, 1.0)}, []),  # ten times, but it cost a second only
        ({0: (1, 0.0), 1: (1, 0.0)}, {0: (3, 0.1), 1: (3, 30.0)}, []),  # two tasks prove nothing
        ({0: (1, 0.0)}, {0: (11, 50.0)}, []),  # alone
        ({0: (1, 0.0)}, {0: (11, 1.0), 1: (11, 50.0)}, []),  # not seen before
        (dict.fromkeys(range(3), (1, 0.0)), {0: (11, 1.0), 1: (11, 40.0), 2: (11, 40.0)}, []),  # most are so
        (dict.fromkeys(range(3), (0, 0.0)), {0: (20, 1.0), 1: (10, 20.0), 2: (10, 0.5)}, [1]),  # for a task, not in all
    ],
)
def test_stragglers(
    before: dict[int, tuple[int, float]], now: dict[int, tuple[int, float]], expected: list[int]
) -> None:
    """A straggler takes several times as long for a task as the others, for long enough to matter."""
    looks = [{w: worked(*facts) for w, facts in look.items()} for look in (before, now)]
    assert stragglers(*looks) == expected
