"""The barrier between two commands: a report counts once, for one command, from a worker that takes part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yarnml.control.commands import Assignment, Command, Evaluate, Idle, Stop
from yarnml.control.reports import Done, Evaluated
from yarnml.control.roles import ProcessId
from yarnml.master.barrier import Barrier

COMMAND = Evaluate("test")


@pytest.fixture
def barrier() -> Barrier:
    """A barrier of two workers, as generation 1."""
    barrier = Barrier()
    barrier.begin(COMMAND, {0: [0, 1], 2: [2]}, ["host:1"], {0: "host:1", 2: "host:2"})
    return barrier


def test_an_assignment_says_who_does_what(barrier: Barrier) -> None:
    """Workers get the command under a new number, with everything that they need to carry it out."""
    expected = Assignment(1, COMMAND, {0: [0, 1], 2: [2]}, ["host:1"], {0: "host:1", 2: "host:2"}, None)
    assert barrier.assignment == expected
    assert Barrier(2).begin(COMMAND, {0: [0]}).levels == 2
    assert Barrier().assignment == Assignment.idle(0) == Assignment(0, Idle(), {}, [])


def test_a_barrier_is_complete_with_the_last_report(barrier: Barrier) -> None:
    """Reports may come in any order, and are told in that of the assignment."""
    assert barrier.missing == [0, 2]
    assert barrier.report(2, 1, Done())
    assert barrier.missing == [0]
    assert not barrier.complete
    assert barrier.report(0, 1, Evaluated({}))
    assert barrier.complete
    assert list(barrier.reports.items()) == [(0, Evaluated({})), (2, Done())]


@pytest.mark.parametrize(("worker", "generation"), [(0, 0), (0, 2), (1, 1), (7, 1)])
def test_other_reports_change_nothing(barrier: Barrier, worker: int, generation: int) -> None:
    """Reports on another generation, and of workers that do not take part, are refused."""
    assert not barrier.report(worker, generation, Done())
    assert barrier.missing == [0, 2]


def test_a_new_command_forgets_all_reports(barrier: Barrier) -> None:
    """Reports of an abandoned barrier do not count in the next one."""
    assert barrier.report(0, 1, Done())
    barrier.begin(COMMAND, {0: [0]})
    assert barrier.missing == [0]
    assert not barrier.report(0, 1, Done())
    assert barrier.report(0, 2, Done())


@pytest.mark.parametrize(
    ("command", "due"),
    [
        (COMMAND, {"worker 0", "worker 2"}),
        (Idle(), set()),
        (Stop(), {"worker 0", "worker 1", "worker 2", "reducer 0"}),
    ],
)
def test_which_processes_get_a_command(command: Command, due: set[str]) -> None:
    """Stop is for every process, Idle for none, all else for the workers that take part and have not had it."""
    barrier = Barrier()
    barrier.begin(command, {0: [0], 2: [1]})
    processes = [*(ProcessId("worker", n) for n in range(3)), ProcessId("reducer", 0)]
    assert {str(process) for process in processes if barrier.is_due(process, 0)} == due
    assert {str(process) for process in processes if barrier.is_due(process, 1)} == (
        due if isinstance(command, Stop) else set()
    )


@given(
    workers=st.sets(st.integers(0, 5), min_size=1),
    calls=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4), st.booleans()), max_size=40),
)
def test_in_any_order_of_calls(workers: set[int], calls: list[tuple[int, int, bool]]) -> None:
    """Whatever comes, a barrier is complete exactly when each of its workers has reported on its generation."""
    barrier = Barrier()
    heard: set[int] = set()
    for worker, generation, begins in calls:
        if begins:
            before = barrier.generation
            barrier.begin(COMMAND, {w: [w] for w in workers})
            assert barrier.generation == before + 1
            heard = set()
        fits = barrier.report(worker, generation, Done())
        taking_part = workers if barrier.generation else set()
        assert fits == (worker in taking_part and generation == barrier.generation)
        heard |= {worker} if fits else set()
        assert set(barrier.missing) == taking_part - heard
        assert set(barrier.reports) == heard
        assert barrier.complete == (heard == taking_part)
