"""The server of pages answers who knows its secret, and nobody can disturb it."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watch.histories import FAILURE, entries, outcome, write
from tests.watch.pages import get
from yarnml.errors import HistoryError
from yarnml.watch.history.pieces import Pieces
from yarnml.watch.live import LivePage, Runs
from yarnml.watch.page import REFRESH_SECONDS
from yarnml.watch.server import MAX_CLIENTS, Pages, PageServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PageServer]:
    """A server of the runs below a folder: one that is done and one that failed."""
    write(tmp_path / "a", entries(3, end=outcome(3)))
    write(tmp_path / "b", entries(3, end=FAILURE))
    with PageServer(Runs(str(tmp_path)).render) as pages:
        pages.start()
        yield pages
        pages.shutdown()


def test_pages_of_runs(server: PageServer) -> None:
    """The index has a link to the page of every run."""
    status, text = get(server.server_port, f"/{server.secret}/")
    assert status == 200
    links = [part.partition('"')[0] for part in text.split('<a href="')[1:]]
    pages = [get(server.server_port, f"/{server.secret}/{link}") for link in links]
    assert [status for status, _ in pages] == [200, 200]
    assert sorted("Probable cause" in text for _, text in pages) == [False, True]


@pytest.mark.parametrize(
    "path",
    ["/", "/wrong/", "/{secret}x/", "/{short}/", "/{secret}/nothing", "/{secret}/../../etc/passwd", "/?{secret}",
     "/{secret}/%2e%2e/history", "/{secret}//etc/passwd", "/\x80", "/{secret}/" + "a" * 60_000],
)  # fmt: skip
def test_others_get_nothing(server: PageServer, path: str) -> None:
    """Without the secret, or for a path that no link has, the answer is an empty one."""
    get(server.server_port, f"/{server.secret}/")  # the runs are known
    path = path.replace("{secret}", server.secret).replace("{short}", server.secret[:-1])
    line = f"GET {path} HTTP/1.0\r\n\r\n".encode("latin-1")
    with socket.create_connection(("127.0.0.1", server.server_port), 20) as client:
        client.sendall(line)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.split()[1] in {b"404", b"400"}
    assert answer.partition(b"\r\n\r\n")[2] == b"" or b"400" in answer
    assert b"digits" not in answer


@pytest.mark.parametrize("line", [b"POST /{secret}/ HTTP/1.0\r\n\r\n", b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"\r\n"])
def test_it_only_shows(server: PageServer, line: bytes) -> None:
    """Anything but a request for a page is refused, and the server goes on."""
    with socket.create_connection(("127.0.0.1", server.server_port), 20) as client:
        client.sendall(line.replace(b"{secret}", server.secret.encode()))
        client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert b"digits" not in answer
    assert get(server.server_port, f"/{server.secret}/")[0] == 200


@pytest.mark.long
def test_slow_clients_are_bounded(server: PageServer) -> None:
    """Clients that never finish take a bounded number of threads, each for seconds; then others are answered again."""
    before = threading.active_count()
    slow = [socket.create_connection(("127.0.0.1", server.server_port), 20) for _ in range(3 * MAX_CLIENTS)]
    for client in slow:
        client.settimeout(20)
    deadline = time.monotonic() + 30
    ended = 0
    for client in slow:
        assert threading.active_count() <= before + MAX_CLIENTS
        assert client.recv(1) == b""  # hung up on, at once or after the time for a request
        client.close()
        ended += 1
    assert ended == len(slow)
    assert time.monotonic() < deadline
    assert get(server.server_port, f"/{server.secret}/")[0] == 200


def test_a_page_is_made_once_for_all() -> None:
    """However many ask, a page is made once in a while; one that isn't there is asked for each time."""
    made: list[str] = []
    now = [0.0]

    def render(path: str) -> str | None:
        made.append(path)
        return None if path == "none" else f"page {path}"

    pages = Pages(render, lambda: now[0])
    assert [pages.get("a") for _ in range(100)] == [b"page a"] * 100
    assert pages.get("none") is None
    assert made == ["a", "none"]
    now[0] = REFRESH_SECONDS + 1.0
    pages.get("a")
    assert made == ["a", "none", "a"]


def test_a_live_page_follows(tmp_path: Path) -> None:
    """A page has what its history has by then."""
    listed = entries(4)
    cut = len(listed) - 5
    pieces = Pieces(str(tmp_path))
    pieces.append(listed[:cut])
    live = LivePage(str(tmp_path))
    assert "<summary>3 epochs</summary>" in (live.render("") or "")
    pieces.append(listed[cut:])
    assert "<summary>4 epochs</summary>" in (live.render("") or "")
    assert live.render("other") is None


def test_a_port_that_is_taken() -> None:
    """A port of another program is one sentence."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            HistoryError, match=rf"Port {port} of 127\.0\.0\.1 can't be served .*; give another --port\."
        ):
            PageServer(lambda path: None, port=port)
