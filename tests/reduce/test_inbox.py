"""The inbox of a worker's totals, and the headers in which they come."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from yarnml.reduce.reducer import StepKey
from yarnml.reduce.streams import Destination, Inbox
from yarnml.reduce.wire import Part, decode_part, encode


def test_a_part_header_survives_the_wire() -> None:
    """Headers decode to what was encoded."""
    header = Part(1, 2, 3, 1, 1, 6, 7, "float32")
    assert decode_part(encode(header)) == header


def test_a_total_that_is_given_up_stays_out_of_the_next() -> None:
    """A total on its way when its step is given up gets nowhere near the vector of the next step."""
    inbox = Inbox()
    stream: Any = SimpleNamespace(address="reducer", closing=False)
    first = np.zeros(4, np.float32)
    second = np.zeros(4, np.float32)
    late, due = (Part(generation, 0, 1, 0, 0, 0, 1, "<f4") for generation in (1, 2))
    inbox.expect(StepKey(1, 0), {"reducer": Destination([(0, 4)], first)})
    buffer = inbox.buffer(stream, late)
    assert buffer is not None
    inbox.abort_before(2)
    inbox.expect(StepKey(2, 0), {"reducer": Destination([(0, 4)], second)})
    buffer[:] = 1
    inbox.put(stream, late, buffer)
    assert not second.any()
    assert not inbox.wait(StepKey(2, 0), 0.0)
    inbox.put(stream, due, np.full(4, 2, np.float32))
    assert inbox.wait(StepKey(2, 0), 0.0)
    assert (second == 2).all()
