"""Calls to the master over Flight: answered, counted, refused to strangers, and ended by a deadline."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from yarnml.control.calls import BackupTask, Call, Heartbeat, HeartbeatReply, Poll, Reply, RequestBackup
from yarnml.control.codec import encode
from yarnml.control.commands import Assignment, Idle
from yarnml.control.credentials import Token
from yarnml.control.reports import Joined
from yarnml.control.roles import ProcessId
from yarnml.control.rpc import ControlClient, ControlServer
from yarnml.errors import WorkerLost

HOST = "127.0.0.1"
TOKEN = Token("secret of the test")
THREADS = 8
CALLS = 50


def test_strangers_are_refused() -> None:
    """A process without the job's token can't call the master."""
    seen: list[object] = []

    def handler(call: Call) -> Reply:
        seen.append(call)
        return HeartbeatReply()

    server = ControlServer(handler, HOST, TOKEN)
    stranger = ControlClient(server.address, Token("guess"), 1)
    with pytest.raises(WorkerLost, match="token"):
        stranger.call(Heartbeat(ProcessId("worker", 0)))
    assert not seen
    assert "secret" not in repr(TOKEN)
    server.shutdown()


def test_calls_reach_the_master_and_replies_come_back() -> None:
    """A call is answered by the handler's reply; what passed is counted in bytes."""
    reply = Assignment(3, Idle(), {0: [1, 2]}, ["host:1"])
    server = ControlServer(lambda call: reply, HOST, TOKEN)
    client = ControlClient(server.address, TOKEN, 5)
    call = Poll(ProcessId("worker", 0), 2, Joined("host:2", "1"))
    assert client.call(call) == reply
    assert (server.calls, server.bytes_in, server.bytes_out) == (1, len(encode(call)), len(encode(reply)))
    client.close()
    server.shutdown()


def test_no_master_no_hanging() -> None:
    """A master that is gone is reported after the caller's patience, by address."""
    server = ControlServer(lambda call: HeartbeatReply(), HOST, TOKEN)
    address = server.address
    server.shutdown()
    with pytest.raises(WorkerLost, match=address):
        ControlClient(address, TOKEN, 0.3).call(Heartbeat(ProcessId("worker", 0)))


def test_calls_of_many_threads_are_all_counted() -> None:
    """The counters of a server miss no call, however many come at the same time."""
    server = ControlServer(lambda call: BackupTask(None), HOST, TOKEN)

    call = RequestBackup(0, 1, 2, copy=False)

    def calls(_: int) -> None:
        client = ControlClient(server.address, TOKEN, 5)
        for _ in range(CALLS):
            assert client.call(call) == BackupTask(None)
        client.close()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(calls, range(THREADS)))
    count = THREADS * CALLS
    assert server.calls == count
    assert server.bytes_in == count * len(encode(call))
    assert server.bytes_out == count * len(encode(BackupTask(None)))
    server.shutdown()
