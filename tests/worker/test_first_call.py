"""The first call of a compiled function, one process at a time."""

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from yarnml.worker import first_call
from yarnml.worker.compile_cache import FOLDER_VARIABLE
from yarnml.worker.first_call import FirstCall, turn

HOLD = """
import sys
from yarnml.worker.first_call import turn
with turn("a"):
    print("held", flush=True)
    sys.stdin.read()
"""


def is_held(folder: Path) -> bool:
    """Tell whether somebody holds a lock in a folder."""
    for path in folder.glob(".compiling-*.lock"):
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            return True
    return False


def test_one_process_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is held during the first call alone, and set free by the death of who holds it."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    held = []
    function = FirstCall(lambda number: held.append(is_held(tmp_path)) or number, "a")
    assert [function(1), function(2)] == [1, 2]
    assert held == [True, False]
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert is_held(tmp_path)
        other.kill()
    assert not is_held(tmp_path)


def test_who_hangs_is_waited_for_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the deadline, the cause of the wait is told and every process compiles for itself."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(first_call, "QUIET_SECONDS", 0.01)
    monkeypatch.setattr(first_call, "SECONDS", 0.01)
    with turn("a"):
        assert FirstCall(lambda: 1, "a")() == 1
    assert "compiles the same program" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["", "/proc/nowhere"])
def test_without_a_folder(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits where no programs are kept, or none can be."""
    monkeypatch.setenv(FOLDER_VARIABLE, folder)
    with turn("a"), turn("a"):
        pass


def test_a_first_call_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error leaves no lock behind."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    function = FirstCall(lambda number: 1 // number, "a")
    with pytest.raises(ZeroDivisionError):
        function(0)
    assert not is_held(tmp_path)
    assert function(1) == 1
