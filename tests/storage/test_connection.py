"""The connection to an HDFS: the sentence of a failure names the server whose part it was, whatever the time limits."""

import threading
from typing import Any

import pytest

from yarnml.storage import connection
from yarnml.storage.base import ReplicaUnavailable, Unavailable
from yarnml.storage.connection import Connection
from yarnml.storage.errors import fault
from yarnml.storage.hdfs import Hdfs
from yarnml.storage.retry import CALL_SECONDS, FAILOVER_SECONDS, bounded


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


STANDBY = RuntimeError('RPCError("org.apache.hadoop.ipc.StandbyException", "not supported in state standby")')


@pytest.mark.parametrize(
    ("addresses", "error", "seconds"),
    [
        (["nn1:8020", "nn2:8020"], STANDBY, FAILOVER_SECONDS),
        (["nn1:8020", "nn2:8020"], ConnectionRefusedError(), FAILOVER_SECONDS),  # nn2, after nn1 was a standby
        (["nn1:8020", "nn2:8020"], TimeoutError(), CALL_SECONDS),
        (["nn1:8020", "nn2:8020"], Unavailable("no NameNode can be reached"), 0),
        (["nn1:8020", "nn2:8020"], RuntimeError("SafeModeException"), 0),
        (["nn1:8020"], STANDBY, 0),
        (["nn1:8020"], ConnectionRefusedError(), 0),
    ],
)
def test_only_a_failover_is_waited_for(addresses: list[str], error: Exception, seconds: float) -> None:
    """A call is repeated without patience while one of several NameNodes may take over, and not otherwise."""

    def refuse(client: object) -> None:
        raise error

    hdfs = Connection("hdfs://ns1", addresses, lambda number: object())  # type: ignore[arg-type,return-value]
    with pytest.raises(OSError) as caught:  # noqa: PT011
        hdfs.once("/x", refuse)
    assert getattr(caught.value, "repeat_for", 0) == seconds
    if error is STANDBY:
        assert "answers as a standby, and none that the URL names is active" in str(caught.value)


def test_calls_share_threads() -> None:
    """Calls one after the other take one thread; one that never answers keeps it, and the next call has another."""
    first = bounded(threading.get_ident, 10)
    assert bounded(threading.get_ident, 10) == first
    answer = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer within 0 s"):
        bounded(answer.wait, 0.01)
    assert bounded(threading.get_ident, 10) != first
    with pytest.raises(KeyError, match="gone"):
        bounded(lambda: {}["gone"], 10)
    answer.set()


def test_a_tail_is_read_once_more_where_one_call_fails() -> None:
    """A file's end that one call does not get is read as any file is, with the patience for a DataNode that is away."""

    class Reader:
        size = 10

        def read(self, start: int, length: int) -> bytes:
            return b"0123456789"[start : start + length]

    class Client:
        def __init__(self, number: int) -> None:
            self.number = number

        def open(self, path: str) -> Reader:
            if self.number < 2:
                raise OSError("connection reset")
            return Reader()

    hdfs = Hdfs(Connection("hdfs://ns1", ["nn1:8020", "nn2:8020"], Client))  # type: ignore[arg-type]
    assert hdfs.tail("/x", 4) == (10, b"6789")


def test_all_data_nodes_failed() -> None:
    """A message of the library that tells all it knows of each DataNode becomes their names."""
    node = 'D {{ id: I {{ ip_addr: \\"1\\", host_name: \\"{}\\", xfer_port: 9866, x: Some(0) }}, c: 1 }}'
    node = node.replace("D ", "DatanodeInfoProto ").replace("I ", "DatanodeIdProto ")
    text = f'DataTransferError("All DataNodes failed: [{node.format("n1")}, {node.format("n2")}]")'
    with pytest.raises(ReplicaUnavailable, match=r"^a DataNode of nn: All DataNodes failed: n1:9866, n2:9866$"):
        raise fault(RuntimeError(text), "/x", "a DataNode of nn", data=True)
