"""Asynchronous rounds: the sums of every task count once, whoever is lost, and every wait ends with a cause."""

import threading
import time

import numpy as np
import pytest

from tests.reduce.allreduces import SHARDS
from tests.reduce.owned_tables import BLOCKS, TRAINING, WIDTH, addresses_of, owners, regroup, table_of
from tests.reduce.pushing import DENSE, NUMBERS, counts_of, expected, go_on, pushed, sums_of
from yarnml.control.credentials import Credentials
from yarnml.errors import WorkerLost
from yarnml.reduce.block_form import BlockForm
from yarnml.reduce.owner import Owner
from yarnml.reduce.owner_wire import BeginTable
from yarnml.reduce.part_round import PartRound
from yarnml.reduce.push_wire import BeginRound, Push
from yarnml.reduce.pushed_table import RoundPlan
from yarnml.reduce.pushes import MAX_UNFOLLOWED, Pushes

STEPS = 8


@pytest.mark.parametrize(("workers", "dedicated"), [(3, 0), (2, 3), (1, 1)])
def test_every_task_counts_once(workers: int, dedicated: int, credentials: Credentials) -> None:
    """All parts, and the parameters without keys, get the sums of all tasks; followers have the same rows.

    The next round goes on from there.  No sums are staler than the bound.
    """
    with owners(workers, dedicated, 1, credentials=credentials) as (allreduces, reducers):
        for first, last in ((0, STEPS), (STEPS, STEPS + 2)):
            answers = go_on(allreduces, first, last, staleness=1)
            tasks = (last - first) * SHARDS
            assert {(a.loss, a.weight, a.pushed) for a in answers} == {(tasks, 2 * tasks, tasks)}
            assert table_of(allreduces[0], last).differing() == ""
            assert counts_of(reducers) == expected(0, last)
            assert max(answer.staleness.largest for answer in answers) < 2


@pytest.mark.parametrize(("workers", "dedicated"), [(3, 0), (3, 3)])
def test_processes_are_lost(workers: int, dedicated: int, credentials: Credentials) -> None:
    """Each owner is lost in turn in the middle of a round, and a worker with a task that it had computed.

    A follower takes the place of a lost owner, and what that had not passed on is computed again for its part alone.
    """
    with owners(workers, dedicated, 1, credentials=credentials) as (allreduces, reducers):
        addresses = addresses_of(allreduces)
        generation = 1
        for lost in range(len(addresses)):
            go_on(allreduces, 0, STEPS, stop=lambda _, task, lost=lost: task.step >= 2 * lost + 1)
            reducers[lost].owner.kept.parts.clear()
            rest = [address for address in addresses if address != addresses[lost]]
            generation += 1
            regroup(allreduces, rest, 0, generation, followers=1)
        assert min(go_on(allreduces[1:], 0, STEPS), key=lambda answer: answer.pushed).pushed == STEPS * SHARDS
        table = table_of(allreduces[0], STEPS)
        assert table.differing() == ""
        assert counts_of(reducers) == expected(0, STEPS)
        regroup(allreduces, addresses, STEPS, generation + 1, followers=1)
        go_on(allreduces, STEPS, STEPS + 2)
        assert table_of(allreduces[0], STEPS + 2).differing() == ""
        assert counts_of(reducers) == expected(0, STEPS + 2)


def test_sums_that_only_one_part_has() -> None:
    """A worker is lost when one of the owners has its sums: the others get them from whoever goes on."""
    with owners(2, 3, 1) as (allreduces, reducers):
        table = pushed(allreduces[0], 0, 0)
        table.begin_round(RoundPlan(0, 2, SHARDS, None), DENSE, NUMBERS)
        task, _ = table.take([0])
        value = sums_of(table, task)
        assert allreduces[0].owners
        with reducers[1].owner.kept.changed:  # the second of three parts waits until the generation is over
            timer = threading.Timer(0.3, allreduces[0].abort_before, [2])
            timer.start()
            with pytest.raises(WorkerLost):
                table.push(task, value)
        timer.join()
        regroup(allreduces, addresses_of(allreduces), 0, 2, followers=1)
        go_on(allreduces, 0, 2)
        assert table_of(allreduces[0], 2).differing() == ""
        assert counts_of(reducers) == expected(0, 2)


def test_a_task_that_nobody_finishes() -> None:
    """A worker that waits for the end of a round says which tasks are awaited, and of whom."""
    with owners(2, 1) as (allreduces, _):
        tables = [pushed(allreduce, worker, 0, timeout=0.2) for worker, allreduce in enumerate(allreduces)]
        for table in tables:
            table.begin_round(RoundPlan(0, 1, SHARDS, None), DENSE, NUMBERS)
        tables[1].take([3, 4])
        for own in ([0], [1], [2]):
            tables[0].push(task := tables[0].take(own)[0], sums_of(tables[0], task))
        with pytest.raises(WorkerLost, match=r"for 0 s: worker 1 has step 0 of shards \[3, 4\]"):
            tables[0].take([0, 1, 2])


def test_a_follower_that_does_not_answer() -> None:
    """An owner is a few pushes ahead of its follower at most, and then says so."""
    owner = Owner(forward=lambda address, update, run, answered: None)
    forms = [BlockForm.of(block) for block in BLOCKS]
    owner.begin(BeginTable(1, TRAINING, 0, 1, 2, forms, follower="host:1"))
    pushes = Pushes(owner.kept, owner.forward)
    pushes.begin(BeginRound(1, 1, 0, 30, SHARDS), np.empty(0, np.uint8))
    for step in range(MAX_UNFOLLOWED):
        pushes.push(Push(1, 1, step, [0], 0, 0, WIDTH, 0, 0.3), np.empty(0, np.uint8))
    with pytest.raises(WorkerLost, match="follower at host:1 has carried out nothing for 0 s"):
        pushes.push(Push(1, 1, MAX_UNFOLLOWED, [0], 0, 0, WIDTH, 0, 0.3), np.empty(0, np.uint8))


def test_a_generation_that_is_over() -> None:
    """A wait for a task ends with its generation, and sums of an older one are refused."""
    with owners(2, 1) as (allreduces, reducers):
        tables = [pushed(allreduce, worker, 0) for worker, allreduce in enumerate(allreduces)]
        for table in tables:
            table.begin_round(RoundPlan(0, 1, SHARDS, 0), DENSE, NUMBERS)
        task, _ = tables[0].take(range(SHARDS))
        value = sums_of(tables[0], task)
        threading.Timer(0.2, reducers[0].owner.kept.hear, [2]).start()
        began = time.monotonic()
        with pytest.raises(WorkerLost, match="not wanted any more"):
            tables[1].take([4])
        assert time.monotonic() - began < 5
        with pytest.raises(WorkerLost, match="not wanted any more"):
            tables[0].push(task, value)
        assert counts_of(reducers) == {}


@pytest.mark.parametrize(("seen", "rate"), [(10, 1.0), (7, 1.0), (6, 1.0), (2, 0.5), (2**62, 1.0)])
def test_rate(seen: int, rate: float) -> None:
    """Sums whose weights lack more than one step of tasks have a part of the rate, by the steps that they lack."""
    part = PartRound(0, 5, 4)
    for step in range(2):
        part.note(step, [0, 1, 2, 3])
    part.note(2, [1, 3])
    assert part.pushed == 10
    assert part.rate(seen) == rate
    assert np.isclose(part.staleness.largest, max(0, 10 - seen) / 4)
