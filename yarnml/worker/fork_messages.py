"""Messages between a launcher and the server that forks its processes."""

import json
from dataclasses import asdict, dataclass

MAX_MESSAGE_BYTES = 2**16


@dataclass(frozen=True)
class Request:
    """A process to fork.

    ``number``: tells its answers apart from those of others.
    ``name``: what lists of processes show, of which Linux keeps 15 bytes.
    ``variables``: what its environment has beside, or instead of, the server's.
    """

    number: int
    name: str
    variables: dict[str, str]


@dataclass(frozen=True)
class Load:
    """Compiled loops that processes to come will run, by the module whose ``kernels()`` loads them."""

    loops: str


@dataclass(frozen=True)
class Answer:
    """The state of the process of a request.  ``status``: its exit status, or less a signal; None while it runs."""

    number: int
    pid: int
    status: int | None = None


def encode(message: Request | Load | Answer) -> bytes:
    return json.dumps(asdict(message)).encode()


def decode(message: bytes) -> Request | Load:
    """The message of a launcher."""
    fields = json.loads(message)
    return Load(**fields) if "loops" in fields else Request(**fields)
