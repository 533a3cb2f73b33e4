"""A container's token file is read in both of Hadoop's formats, and completed by the names that URLs have."""

import contextlib
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yarnml.storage.security import tokens
from yarnml.storage.security.tokens import HDFS, RESOURCE_MANAGER, Token

PARTS = st.binary(max_size=300)
TOKENS = st.lists(st.builds(Token, PARTS, PARTS, PARTS, PARTS, PARTS), max_size=4)


@given(TOKENS)
def test_what_is_written_is_read(some: list[Token]) -> None:
    assert tokens.parse(tokens.dump(some)) == some


@given(TOKENS, st.integers(0, 2000))
def test_a_file_that_was_cut(some: list[Token], length: int) -> None:
    """It is refused, whatever is left of it, or has all its tokens."""
    data = tokens.dump(some)[:length]
    with contextlib.suppress(ValueError):
        assert tokens.parse(data) == some


def test_protocol_buffers() -> None:
    """Version 1, written by hand: field 1 is an entry with an alias and a token of four fields."""

    def field(number: int, value: bytes) -> bytes:
        return bytes([number << 3 | 2, len(value)]) + value

    token = field(1, b"id") + field(2, b"secret") + field(3, HDFS) + field(4, b"10.0.0.1:8020")
    message = field(1, field(1, b"alias") + field(2, token))
    data = b"HDTS\1" + bytes([len(message)]) + message
    assert tokens.parse(data) == [Token(b"alias", b"id", b"secret", HDFS, b"10.0.0.1:8020")]


def test_a_name_node_by_its_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token of an address is complete by every name of its host, in a file for this user alone."""
    file = tmp_path / "container_tokens"
    given = [
        Token(b"a", b"i", b"p", HDFS, b"127.0.0.1:8020"),
        Token(b"b", b"i", b"p", RESOURCE_MANAGER, b"10.0.0.2:8032"),
    ]
    file.write_bytes(tokens.dump(given))
    monkeypatch.setenv(tokens.FILE, str(file))
    tokens.complete("localhost:8020")
    (copy,) = tmp_path.glob(".yarnml-*")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    complete = tokens.own()
    assert complete[:2] == given
    assert [(t.kind, t.service) for t in complete[2:]] == [(HDFS, b"localhost:8020")]
    tokens.complete("localhost:8020")
    tokens.complete("localhost:8021")
    assert list(tmp_path.glob(".yarnml-*")) == [copy]
    assert tokens.find([HDFS], ["localhost:8020"]) == given[0]
    assert tokens.find([HDFS], ["localhost:8021"]) is None
    assert tokens.find([RESOURCE_MANAGER]) == given[1]


def test_outside_of_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tokens.FILE, raising=False)
    tokens.complete("localhost:8020")
    assert tokens.own() == []


def test_a_token_is_a_secret() -> None:
    """It may be in the text of an error; its password is not."""
    assert "password" not in repr(Token(b"alias", b"identifier", b"password", HDFS, b"host:1"))


def test_the_origin_of_a_token() -> None:
    """In whose name it was given, to whom, and for how long; of several the first to end counts, or who names most."""

    def text(value: bytes) -> bytes:
        return bytes([len(value)]) + value

    def moment(milliseconds: int) -> bytes:
        return bytes([256 - 112 - 6]) + milliseconds.to_bytes(6)

    def of_hdfs(end: int, owner: bytes = b"ann@R", real_user: bytes = b"airflow@R") -> Token:
        begin = b"\0" + text(owner) + text(b"yarn") + text(real_user)
        return Token(b"", begin + moment(1_700_000_000_000) + moment(end) + b"\x05\x02", b"", HDFS, b"nn:8020")

    late = of_hdfs(1_700_000_604_800)
    early = of_hdfs(1_700_000_150_000)
    assert tokens.origin(early) == ("ann@R", "airflow@R", 1_700_000_000.0, 1_700_000_150.0)
    other = Token(b"", b"\1", b"", RESOURCE_MANAGER, b"rm:8032")
    assert tokens.first_to_end([late, other, early]) == tokens.origin(early)
    assert tokens.first_to_end([other]) is None
    by_web = of_hdfs(1_700_000_100_000, b"ann", b"")
    assert tokens.taken_by([by_web, early, other]) == tokens.origin(early)
    assert tokens.taken_by([by_web]) == tokens.origin(by_web)
    assert tokens.taken_by([other]) is None
