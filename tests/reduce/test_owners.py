"""A table that several processes own has the bits of one table, wherever it is cut and whatever is taken back."""

import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.processes import wait_for
from tests.reduce.allreduces import SHARDS, connected
from tests.reduce.owned_tables import (
    BLOCKS,
    TRAINING,
    WIDTH,
    addresses_of,
    alone,
    bits,
    owners,
    parts_of,
    regroup,
    rows_of,
    sums,
    table_of,
    train,
)
from yarnml.control.credentials import Credentials, Token
from yarnml.control.holders import Holders, TableFiles
from yarnml.errors import CheckpointError, ModelError, OwnerLost, WorkerLost
from yarnml.master.placement import assign
from yarnml.reduce.connections.base import ConnectionLost
from yarnml.reduce.reducer import StepAborted, StepKey
from yarnml.reduce.tree import combine
from yarnml.sparse.room import table_bytes
from yarnml.sparse.run import Run
from yarnml.sparse.table import Table


@pytest.mark.parametrize(("workers", "dedicated"), [(1, 0), (2, 0), (3, 2), (5, 0), (2, 5)])
def test_the_bits_of_one_table(workers: int, dedicated: int, credentials: Credentials) -> None:
    """Any number of workers and owners trains the rows of one process, to the bit, and puts them into the model."""
    with owners(workers, dedicated, credentials=credentials) as (allreduces, reducers):
        train(allreduces, 0, 4)
        expected = alone(4)
        assert rows_of(reducers) == bits(expected.arrays())
        assert bits(table_of(allreduces[-1], 4).packed().arrays) == bits(expected.trained())
        assert sum(part.keys for part in table_of(allreduces[-1], 4).parts()) == len(expected)


def test_one_update_is_taken_back() -> None:
    """Owners that are a step ahead go back, also over keys that were new, and the step done again has the same bits."""
    with connected(2, 3, owned=True) as (allreduces, reducers, begin):
        table_of(allreduces[0], 0).begin(TRAINING, 0)
        train(allreduces, 0, 3)
        addresses = addresses_of(allreduces)
        regroup(allreduces, addresses, 2, generation=2)
        assert rows_of(reducers[2:]) == bits(alone(2).arrays())
        regroup(allreduces, addresses, 2, generation=3)
        train(allreduces, 2, 4, generation=3)
        assert rows_of(reducers[2:]) == bits(alone(4).arrays())
        begin(4)
        with pytest.raises(
            OwnerLost, match="rows of a table after step 2 are gone: their owner has those after step 4"
        ):
            table_of(allreduces[0], 2).resume(TRAINING, 2, [[address] for address in addresses])


@pytest.mark.parametrize("delay", [1, 3])
def test_a_delay(delay: int, tmp_path: Path) -> None:
    """Sums of older rows train the rows of one process, to the bit, also where owners and followers go back.

    They may be ahead by the delay and a step, and still have the rows before, as their copies and files do.
    """
    with connected(3, 0, owned=True, followers=1) as (allreduces, reducers, _):
        table_of(allreduces[0], 0, delay=delay).begin(TRAINING, 0)
        train(allreduces, 0, 4, delay=delay, begun=delay)
        addresses = addresses_of(allreduces)
        wait_for("the steps begun", lambda: {p.step for p in parts_of(reducers)} == {4 + delay})
        regroup(allreduces, addresses, 3, 2, followers=1, delay=delay)
        assert rows_of(reducers) == bits(alone(3, delay=delay).arrays(before=0))
        regroup(allreduces[:2], addresses[:2], 3, 3, followers=1, delay=delay)  # these copy what they lack
        with pytest.raises(WorkerLost, match="rows after step 9 were asked for, but here they are after step 3"):
            table_of(allreduces[1], 9).weights(np.arange(5, dtype=np.uint64), unknown_as_first=True)
        files = table_of(allreduces[0], 3, delay=delay).save(str(tmp_path), before=min(3, delay))()
    with owners(2, 3) as (allreduces, reducers):
        table_of(allreduces[0], 3, delay=delay).begin(TRAINING, 3, [TableFiles(str(tmp_path), files)])
        train(allreduces, 3, 6, delay=delay)
        assert rows_of(reducers) == bits(alone(6, delay=delay).arrays(before=0))


def test_another_step_is_refused() -> None:
    """Rows of a later step than that of the owner are never given, and its rows never updated by another's sums."""
    with owners(2, 0) as (allreduces, reducers):
        train(allreduces, 0, 1)
        with pytest.raises(WorkerLost, match="rows after step 2 were asked for, but here they are after step 1"):
            table_of(allreduces[1], 2).weights(np.arange(5, dtype=np.uint64), unknown_as_first=True)
        before = rows_of(reducers)
        table = alone(1)
        other, own = (combine({s: sums(table, 3, s) for s in shards}, SHARDS) for shards in ([0, 1], [2, 3, 4]))

        def reduce_other() -> None:
            with suppress(WorkerLost):
                allreduces[1].reduce(StepKey(1, 3), other, SHARDS)

        thread = threading.Thread(target=reduce_other)
        thread.start()
        with pytest.raises(WorkerLost, match="rows after step 3 were asked for, but here they are after step 1"):
            allreduces[0].reduce(StepKey(1, 3), own, SHARDS)
        thread.join()
        assert rows_of(reducers) == before


@pytest.mark.parametrize("after", [1, 2, 4])
def test_files(after: int, tmp_path: Path) -> None:
    """Files of three owners are read by any other number of them; a changed one is refused."""
    with owners(3, 0) as (allreduces, _):
        train(allreduces, 0, 3)
        table = table_of(allreduces[2], 3)
        files = table.save(str(tmp_path))()
    assert sorted(files) == sorted(path.name for path in tmp_path.iterdir())
    with owners(2, after) as (allreduces, reducers):
        table = table_of(allreduces[0], 3)
        table.begin(TRAINING, 3, [TableFiles(str(tmp_path), files)])
        assert rows_of(reducers) == bits(alone(3).arrays())
        train(allreduces, 3, 4)
        assert rows_of(reducers) == bits(alone(4).arrays())
        other = files | {"table-00002-of-00003.safetensors": "0" * 64}
        with pytest.raises(CheckpointError, match=r"table-00002-of-00003\.safetensors has the SHA-256"):
            table.begin(TRAINING, 3, [TableFiles(str(tmp_path), other)])
    with owners(2, 0) as (allreduces, reducers):
        wait = table_of(allreduces[0], 0).save(str(tmp_path))
        reducers[1].owner._written.clear()
        with pytest.raises(CheckpointError, match="Nothing is being written"):
            wait()


def test_traffic_does_not_grow_with_the_table() -> None:
    """A worker sends and gets as many bytes for a step, whether the table has a thousand rows or a hundred thousand."""
    traffic = []
    for size in (1_000, 100_000):
        with owners(2, 3) as (allreduces, reducers):
            keys = np.unique(np.random.default_rng(1).integers(0, 2**64, size, np.uint64))
            for number, reducer in enumerate(reducers):
                part = Run(keys, np.ones((len(keys), WIDTH), np.float32)).between(
                    *(n * 2**16 // 3 * 2**48 for n in (number, number + 1))
                )
                reducer.owner.update(1, 0, number, part, lambda error: None)
            before = [(a.sent.bytes, a.received.bytes) for a in allreduces]
            train(allreduces, 1, 2)
            after = [(a.sent.bytes, a.received.bytes) for a in allreduces]
            traffic.append(np.subtract(after, before).tolist())
            sizes = [reducer.owner.size(number) for number, reducer in enumerate(reducers)]
            assert all(part.nbytes > 20 * part.keys > 0 for part in sizes)
            row = 8 + 4 * sum(block.rule.stored(block.width) for block in BLOCKS)
            forecasts = [table_bytes(part.keys, row) for part in sizes]
            assert size == 1_000 or [part.nbytes for part in sizes] == pytest.approx(forecasts, rel=0.2)
    assert traffic[0] == traffic[1]
    # A question is 8 bytes a key, its answer 12 for three weights, and its sum 20; the rest are sums of four numbers.
    shards = assign(SHARDS, range(2))
    keys_of = {w: sum(len(sums(Table(BLOCKS), 1, s).run.keys) for s in own) for w, own in shards.items()}
    for worker, (sent, received) in enumerate(traffic[0]):
        assert sent <= 28 * keys_of[worker] + 1000
        assert received <= 12 * keys_of[worker] + 1000


def test_a_question_can_be_given_up(credentials: Credentials) -> None:
    """The wait for an owner that does not answer ends when the generation is over, and the next one is answered."""
    with connected(2, 1, credentials=credentials, owned=True) as (allreduces, reducers, begin):
        table_of(allreduces[0], 0).begin(TRAINING, 0)
        keys = np.arange(5, dtype=np.uint64)
        owner = reducers[2].owner
        with owner._lock:
            timer = threading.Timer(0.2, allreduces[1].abort_before, [2])
            timer.start()
            with pytest.raises(StepAborted):
                table_of(allreduces[1], 0).weights(keys, unknown_as_first=True)
        begin(2)
        assert len(table_of(allreduces[1], 0).weights(keys, unknown_as_first=True)["weight"]) == 5


def test_an_owner_that_is_silent_while_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credentials: Credentials
) -> None:
    """The wait for files ends with a reason when an owner does not answer any more."""
    monkeypatch.setattr("yarnml.reduce.owned_table.SILENCE_SECONDS", 0.2)
    with owners(1, 1, credentials=credentials) as (allreduces, reducers):
        wait = table_of(allreduces[0], 0).save(str(tmp_path))
        with reducers[0].owner._lock, pytest.raises(WorkerLost, match="owner of the table is gone"):
            wait()


def test_rows_that_are_not_finite(tmp_path: Path) -> None:
    """A table with NaN is neither saved nor exported; the block is named."""
    with owners(2, 2) as (allreduces, reducers):
        nan = Run(np.array([5], np.uint64), np.full((1, WIDTH), np.nan, np.float32))
        for number, reducer in enumerate(reducers):
            run = nan if number == 0 else nan.between(0, 0)
            reducer.owner.update(1, 0, number, run, lambda error: None)
        for action in (lambda t: t.save(str(tmp_path)), lambda t: t.packed()):
            with pytest.raises(ModelError, match="table/weight holds NaN"):
                action(table_of(allreduces[0], 1))


def test_what_is_no_question(credentials: Credentials) -> None:
    """A process that sends something else is cut off, and the owner answers others."""
    with owners(2, 1, credentials=credentials) as (allreduces, _):
        address = addresses_of(allreduces)[0]
        connection = allreduces[0]._connect_table(address)
        connection.send(b"\x93\x01nonsense", np.arange(3, dtype=np.uint8))
        with suppress(ConnectionLost):
            assert not list(connection.messages())
        connection.close()
        keys = np.arange(3, dtype=np.uint64)
        assert len(table_of(allreduces[1], 0).weights(keys, unknown_as_first=False)["weight"]) == 3


def test_a_token_of_another_job() -> None:
    """Nobody without the job's token is answered."""
    with owners(1, 1) as (allreduces, _):
        address = addresses_of(allreduces)[0]
        with connected(1, 0, credentials=Token("another")) as (strangers, *_):
            other = strangers[0]
            assert other.owners
            other.owners.parts = [Holders(address)]
            with pytest.raises(WorkerLost):
                table_of(other, 0).weights(np.arange(3, dtype=np.uint64), unknown_as_first=True)
