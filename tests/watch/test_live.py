"""Live pages: before there is anything to show, and with many who look."""

import threading
from pathlib import Path

import pytest

from tests.watch.histories import entries, write
from tests.watch.pages import get
from yarnml.errors import HistoryError
from yarnml.watch.history.pieces import HistoryReader
from yarnml.watch.live import LivePage
from yarnml.watch.page import REFRESH_SECONDS
from yarnml.watch.server import MAX_CLIENTS, PageServer


def test_a_job_that_begins_has_a_page(tmp_path: Path) -> None:
    """Until the first piece of its history is written the page says so, and looks for news."""
    live = LivePage(str(tmp_path / "digits"))
    with PageServer(live.render) as server:
        server.start()
        status, text = get(server.server_port, f"/{server.secret}/")
        assert status == 200
        assert "The job begins" in text
        assert "every 5 seconds" in text
        server.shutdown()
    write(tmp_path / "digits", entries(2))
    assert "The job begins" not in (live.render("") or "")


def test_a_history_that_can_t_be_read_is_none_that_begins(tmp_path: Path) -> None:
    (tmp_path / "history").mkdir()
    (tmp_path / "history/piece-000000000-000000000.jsonl").write_bytes(b"other")
    with pytest.raises(HistoryError, match="is no history of yarnml"):
        LivePage(str(tmp_path)).render("")


def test_a_hundred_who_look_cost_what_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask again and again, each piece is read once, and a page is made once in a while."""
    read: list[object] = []
    made: list[str] = []
    piece = HistoryReader._piece
    monkeypatch.setattr(HistoryReader, "_piece", lambda reader, span: read.append(span) or piece(reader, span))
    live = LivePage(str(write(tmp_path, entries(20, workers=100))))
    answers: list[int] = []

    def render(path: str) -> str | None:
        made.append(path)
        return live.render(path)

    def poll(server: PageServer) -> None:
        for _ in range(3):
            try:
                answers.append(get(server.server_port, f"/{server.secret}/")[0])
            except OSError:  # hung up on, since others are answered
                answers.append(0)

    now = [0.0]
    with PageServer(render) as server:
        server.pages._clock = lambda: now[0]
        server.start()
        for _ in range(2):
            threads = [threading.Thread(target=poll, args=(server,)) for _ in range(100)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            now[0] += REFRESH_SECONDS + 1.0
        server.shutdown()
    assert len(answers) == 600
    assert answers.count(200) >= MAX_CLIENTS
    assert made == ["", ""]
    assert len(read) == 1
