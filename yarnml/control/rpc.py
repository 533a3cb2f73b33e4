"""Small messages between a process and the master: Flight's DoAction, one request and one reply."""

import time
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.flight as fl

from yarnml.control.calls import Call, Reply
from yarnml.control.codec import decode_call, decode_reply, encode
from yarnml.control.credentials import Credentials
from yarnml.errors import WorkerLost

RETRY_SECONDS = 0.1  # between two attempts of one call

Handler = Callable[[Call], Reply]


class ControlServer(fl.FlightServerBase):  # type: ignore[misc]
    """The master's end of all calls.  Counts what passes, so that a test can hold the master to small messages.

    Args:
        handler: answers a call; each call has a thread of its own.
        host: this machine, as the callers reach it.
    """

    def __init__(self, handler: Handler, host: str, credentials: Credentials) -> None:
        self._handler = handler
        self._counting = Lock()
        self.calls = 0
        self.bytes_in = 0
        self.bytes_out = 0
        url = credentials.listening(host)
        super().__init__(url, **credentials.serving())
        self.address = credentials.address(url, self.port)

    def do_action(self, context: Any, action: Any) -> Iterator[Any]:
        """Answer one call; Flight calls this in many threads at once."""
        body = action.body.to_pybytes()
        reply = encode(self._handler(decode_call(body)))
        with self._counting:
            self.calls += 1
            self.bytes_in += len(body)
            self.bytes_out += len(reply)
        return iter([fl.Result(pa.py_buffer(reply))])


class ControlClient:
    """A process's line to the master.

    Args:
        patience: seconds for which a call is repeated while the master does not answer, before WorkerLost.
    """

    def __init__(self, address: str, credentials: Credentials, patience: float) -> None:
        self._address = address
        self._patience = patience
        self._credentials = credentials
        self._client = fl.FlightClient(f"{credentials.scheme}://{address}", **credentials.calling())
        self._options = fl.FlightCallOptions(timeout=patience, headers=credentials.headers)

    def call(self, message: Call) -> Reply:
        """Send a message and wait for its reply; raises WorkerLost where the master is gone or refuses the call.

        After a broken connection the call is repeated: a handler may see the same message twice.
        """
        action = fl.Action("call", encode(message))
        deadline = time.monotonic() + self._patience
        while True:
            try:
                (result,) = self._client.do_action(action, self._options)
                return decode_reply(result.body.to_pybytes())
            except pa.ArrowException as exc:
                if not _is_broken(exc):
                    reason = str(exc).splitlines()[0]
                    raise WorkerLost(f"The master at {self._address} refused a call: {reason}") from exc
                if time.monotonic() > deadline:
                    raise WorkerLost(
                        f"The master at {self._address} does not answer for {self._patience:.0f} s"
                        f"{self._credentials.doubt(str(exc))}."
                    ) from exc
                time.sleep(RETRY_SECONDS)

    def close(self) -> None:
        """Hang up."""
        self._client.close()


def _is_broken(exc: pa.ArrowException) -> bool:
    """True for the end of a connection, or an answer that does not come: the call may be repeated.

    Where the stream of a call breaks after it was sent, gRPC tells it by these words and no status of its own.
    """
    unanswered = (fl.FlightUnavailableError, fl.FlightTimedOutError, fl.FlightCancelledError)
    return isinstance(exc, unanswered) or "Stream removed" in str(exc)
