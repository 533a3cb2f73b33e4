"""Servers that are away, and how soon a user hears of it."""

import socket
import time
from collections.abc import Callable

import pytest

QUICK = 30.0  # seconds within which a user is told that an HDFS is away


def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def quickly(act: Callable[[], object]) -> str:
    """The message of the OSError that comes within the time that a user waits."""
    began = time.monotonic()
    with pytest.raises(OSError) as caught:  # noqa: PT011
        act()
    assert time.monotonic() - began < QUICK
    assert "\n" not in str(caught.value)
    return str(caught.value)
