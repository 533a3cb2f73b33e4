"""Small messages between a process and the master: Flight's DoAction, one request and one reply."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.flight as fl

from yarnml.control.calls import Call, Reply
from yarnml.control.codec import decode_call, decode_reply, encode
from yarnml.control.credentials import Credentials
from yarnml.errors import WorkerLost

Handler = Callable[[Call], Reply]


class ControlServer(fl.FlightServerBase):  # type: ignore[misc]
    """The master's ear.  Counts what passes, so that a test can hold the master to small messages."""

    def __init__(self, handler: Handler, host: str, credentials: Credentials) -> None:
        self._handler = handler
        self.bytes_in = self.bytes_out = self.calls = 0
        super().__init__(f"{credentials.scheme}://{host}:0", **credentials.serving())
        self.address = f"{host}:{self.port}"

    def do_action(self, context: Any, action: Any) -> Iterator[Any]:
        body = action.body.to_pybytes()
        reply = encode(self._handler(decode_call(body)))
        self.calls, self.bytes_in, self.bytes_out = (
            self.calls + 1,
            self.bytes_in + len(body),
            self.bytes_out + len(reply),
        )
        return iter([fl.Result(pa.py_buffer(reply))])


class ControlClient:
    """A process's line to the master.  Raises WorkerLost when the master does not answer for ``patience`` seconds."""

    def __init__(self, address: str, credentials: Credentials, patience: float) -> None:
        self._address, self._patience = address, patience
        self._client = fl.FlightClient(f"{credentials.scheme}://{address}", **credentials.calling())
        self._options = fl.FlightCallOptions(timeout=patience, headers=credentials.headers)

    def call(self, message: Call) -> Reply:
        action = fl.Action("call", encode(message))
        deadline = time.monotonic() + self._patience
        while True:
            try:
                (result,) = self._client.do_action(action, self._options)
                return decode_reply(result.body.to_pybytes())
            except (fl.FlightUnavailableError, fl.FlightTimedOutError, fl.FlightCancelledError) as exc:
                if time.monotonic() > deadline:
                    raise WorkerLost(
                        f"The master at {self._address} does not answer for {self._patience:.0f} s."
                    ) from exc
                time.sleep(0.1)
            except pa.ArrowException as exc:
                raise WorkerLost(f"The master at {self._address} refused a call: {str(exc).splitlines()[0]}") from exc

    def close(self) -> None:
        self._client.close()
