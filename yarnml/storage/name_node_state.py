"""The states of the NameNodes behind an HDFS, as their web services tell them."""

import http.client
from collections.abc import Sequence

import msgspec

from yarnml.storage.hadoop_config import Address
from yarnml.storage.retry import CONNECT_SECONDS
from yarnml.storage.security.web import Caller

_STATUS = "Hadoop:service=NameNode,name=NameNodeStatus"


class _Bean(msgspec.Struct):
    state: str | None = msgspec.field(default=None, name="State")


class _Answer(msgspec.Struct):
    beans: list[_Bean] | None = None


def describe(nodes: Sequence[Address]) -> str:
    """The state of each of several NameNodes in words, the active one first."""
    states = [f"{node.rpc} {_state(node.web)}" for node in nodes]
    return ", ".join(sorted(states, key=lambda text: not text.endswith(" is active")))


def _state(web: str) -> str:
    try:
        with Caller().open(f"{web}/jmx", {"qry": _STATUS}, CONNECT_SECONDS) as answer:
            return read_state(answer.read())
    except (OSError, http.client.HTTPException) as exc:
        return f"does not tell its state ({getattr(exc, 'reason', exc)})"


def read_state(data: bytes) -> str:
    """The state in a NameNode's answer, in words: 'is active'."""
    try:
        beans = msgspec.json.decode(data, type=_Answer).beans
    except msgspec.DecodeError:
        beans = None
    state = next((bean.state for bean in beans or [] if bean.state), "")
    return f"is {state}" if state else "does not tell its state"
