"""The connection to an HDFS: the sentence of a failure names the server whose part it was, whatever the time limits."""

from typing import Any

import pytest

from yarnml.storage import connection
from yarnml.storage.base import ReplicaUnavailable, Unavailable
from yarnml.storage.connection import Connection


def fail(*_: object) -> Any:
    raise OSError("connection reset")


@pytest.fixture
def hdfs() -> Connection:
    """A connection whose clients are never asked."""
    return Connection("hdfs://nn", ["nn:8020"], lambda number: object())  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("chunk_seconds", [connection.CALL_SECONDS, connection.CHUNK_SECONDS])
def test_a_failure_names_the_kind_of_server(
    hdfs: Connection, monkeypatch: pytest.MonkeyPatch, chunk_seconds: float
) -> None:
    """A call that moves data may fail for a DataNode, every other one for the NameNode.

    That holds even where both kinds of calls may take equally long.
    """
    monkeypatch.setattr(connection, "CHUNK_SECONDS", chunk_seconds)
    with pytest.raises(Unavailable, match=r"^the NameNode nn:8020 can't be reached: connection reset$") as caught:
        hdfs.once("/x", fail)
    assert not isinstance(caught.value, ReplicaUnavailable)
    with pytest.raises(ReplicaUnavailable, match=r"^a DataNode of the HDFS at nn:8020 can't be reached"):
        hdfs.once("/x", fail, data=True)


def test_a_client_that_failed_is_made_anew() -> None:
    """After a failure the next call gets a new client; after an answer it gets the same one."""
    numbers: list[int] = []

    def connect(number: int) -> Any:
        numbers.append(number)
        return object()

    hdfs = Connection("hdfs://nn", ["nn:8020"], connect)
    hdfs.once("/x", str)
    assert numbers == [0]
    with pytest.raises(Unavailable):
        hdfs.once("/x", fail)
    hdfs.once("/x", str)
    hdfs.once("/x", str)
    assert numbers == [0, 1]
