"""Local processes and the rest of their machine: nobody else reaches them, and nothing of them stays."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.processes import wait_for
from yarnml.control import socket_folder
from yarnml.control.calls import HeartbeatReply
from yarnml.control.credentials import Token
from yarnml.control.rpc import ControlServer
from yarnml.control.socket_folder import PREFIX, SocketFolder
from yarnml.errors import CrewLost

Job = dict[str, Any]

LOOKS_AROUND = """
import json, os, subprocess, sys, psutil
import jax.numpy as jnp

def init(key, schema):
    parent = psutil.Process().parent()
    calls = [call for process in (psutil.Process(), parent) for call in process.net_connections("inet")]
    ports = [call.laddr.port for call in calls if call.status == "LISTEN"]
    child = subprocess.Popen(["sleep", "98765"], stdin=subprocess.DEVNULL)
    seen = {"ports": ports, "token": os.environ.get("YARNML_TOKEN"), "child": child.pid}
    with open(os.environ["SEEN"], "a") as file:
        file.write(json.dumps(seen) + "\\n")
    while os.path.exists(os.environ["SEEN"] + ".hold"):
        pass
    return {"w": jnp.zeros(schema.width)}

def loss(p, x, y): return (x @ p["w"] - y) ** 2
def predict(p, x): return x @ p["w"]
"""


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    """The file into which workers of `job` write what they see; beside it ``.hold`` makes them wait."""
    return tmp_path / "seen"


@pytest.fixture
def job(digits_job: Job, tmp_path: Path, seen: Path) -> Job:
    """A job whose model looks around and starts a process that nobody ends."""
    (tmp_path / "around.py").write_text(LOOKS_AROUND)
    environment = {"variables": {"SEEN": str(seen)}}
    data = digits_job["data"] | {"label_type": "number"}
    return digits_job | {"learner": {"path": str(tmp_path / "around.py")}, "environment": environment, "data": data}


def observations(seen: Path) -> list[Job]:
    return [eval(line, {"null": None}) for line in seen.read_text().splitlines()] if seen.exists() else []


def is_alive(process: int) -> bool:
    """Tell a process from one that is gone, or that only its parent has not noticed yet."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files of this test alone, whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.mark.long
def test_nothing_listens_and_nothing_stays(
    job: Job, seen: Path, write_job: Callable[[Job], Path], yarnml_command: Callable[..., Any], temporary: Path
) -> None:
    """No port that another user could call; no child that has the token, and none that stays."""
    done = yarnml_command("run", write_job(job))
    assert done.returncode == 0, done.stderr
    facts = observations(seen)
    assert len(facts) >= 2
    assert {(str(fact["ports"]), fact["token"]) for fact in facts} == {("[]", None)}
    assert [fact["child"] for fact in facts if is_alive(fact["child"])] == []
    assert not list(temporary.glob(f"*{PREFIX}*"))


@pytest.mark.long
def test_a_killed_master_leaves_no_process(job: Job, seen: Path, write_job: Callable[[Job], Path]) -> None:
    """Nobody can tidy up after a SIGKILL; the workers and what they have started end all the same."""
    hold = Path(f"{seen}.hold")
    hold.touch()
    line = [sys.executable, "-m", "yarnml", "run", str(write_job(job))]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        wait_for("the workers", lambda: len(observations(seen)) >= 2)
        workers = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(signal.SIGKILL)
    children = [fact["child"] for fact in observations(seen)]
    ended = [*(worker.pid for worker in workers), *children]
    wait_for("the end of all", lambda: not any(map(is_alive, ended)))


def test_a_socket_folder_is_its_user_s_alone(temporary: Path) -> None:
    """Others can't look into it; it goes with its owner, and one whose owner was killed goes when another comes."""
    folder = SocketFolder()
    path = Path(folder.path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert len(folder.path) + 20 < 107
    code = "from yarnml.control.socket_folder import SocketFolder; import os\n"
    code += "folder = SocketFolder(); print(folder.path, flush=True); os.kill(os.getpid(), 9)"
    killed = Path(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip())
    assert killed.is_dir()
    SocketFolder()
    assert not killed.exists()
    assert path.is_dir()
    del folder
    assert not path.exists()
    assert not list(temporary.glob(f"*{PREFIX}*"))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_another_user_can_t_enter() -> None:
    """Whoever is another user of the machine finds no socket, and can put none in its place."""
    token = Token()
    server = ControlServer(lambda call: HeartbeatReply(), "host", token)
    folder = os.path.dirname(server.address)
    for line in (["ls", folder], ["stat", server.address], ["touch", f"{folder}/mine"], ["rm", server.address]):
        done = subprocess.run(line, user=12345, group=12345, extra_groups=[], capture_output=True, text=True)
        assert "Permission denied" in done.stderr, line
    server.shutdown()


def test_a_long_path_for_temporary_files(tmp_path: Path) -> None:
    """The kernel takes short paths for sockets; they lie elsewhere where that for temporary files is long."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    code = "from yarnml.control.socket_folder import SocketFolder\nprint(SocketFolder().path)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"TMPDIR": str(long)}
    )
    assert done.stdout.startswith("/"), done.stderr
    assert not done.stdout.startswith(str(long))


def test_no_place_for_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence names every place that was tried, when no folder can be made."""
    monkeypatch.setattr(socket_folder, "_bases", lambda: iter(["/none", "/proc", "/" + "x" * 100]))
    with pytest.raises(CrewLost, match=r"/none: No such file or directory; /proc: .*; /x+ is too long a path"):
        SocketFolder()
