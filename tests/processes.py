"""A job as its user starts it, in processes that a test may kill, stop and watch."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import psutil

from tests import families

DEADLINE = 90.0


_PACED = """\
import os
import time

import jax
import jax.numpy as jnp

PAUSE = {seconds} if "{variable}" in os.environ else 0.0

def init(key, schema):
    return {{"w": jnp.zeros((schema.width, 10))}}

def pause():
    if PAUSE and not os.path.exists("{signal}"):
        time.sleep(PAUSE)

def loss(p, x, y):
    jax.debug.callback(pause)
    return -jnp.take_along_axis(jax.nn.log_softmax(x @ p["w"]), y[:, None], 1)[:, 0]

def predict(p, x):
    return jax.nn.softmax(x @ p["w"])
"""


def paced_learner(seconds: float, variable: str, signal: Path) -> str:
    """The text of a learner that spares the processor: it sleeps at every batch.

    It does so only where the environment has the variable, and only until the file ``signal`` is there.  Everywhere
    else it is the same program, to the bit.
    """
    return _PACED.format(seconds=seconds, variable=variable, signal=signal)


def in_each_fork(folder: Path, code: str) -> str:
    """Write a module that runs ``code`` in each process that is forked; the PYTHONPATH that has Python import it."""
    folder.mkdir()
    body = "".join(f"    {line}\n" for line in code.splitlines())
    text = f"import os\ndef act():\n{body}os.register_at_fork(after_in_child=act)\n"
    (folder / "sitecustomize.py").write_text(text)
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))


def wait_for(what: str, condition: Callable[[], object], seconds: float = DEADLINE) -> None:
    """Poll until the condition holds; fail with ``what`` was waited for.  Looking takes a tenth of the time at most."""
    began = time.monotonic()
    deadline = began + seconds
    while not condition():
        looked = time.monotonic()
        assert looked < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(max(0.02, 9 * (looked - began)))
        began = time.monotonic()


def shown_on_terminal(line: Sequence[str], variables: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """The status of a command that runs on a terminal of its own, and all that it shows there."""
    main, side = pty.openpty()
    with subprocess.Popen(line, stdin=side, stdout=side, stderr=side, env=variables) as run:
        os.close(side)
        shown = b""
        while chunk := _read(main):
            shown += chunk
    os.close(main)
    return run.returncode, shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other end was closed
        return b""


class Running:
    """``yarnml run`` in the background."""

    def __init__(self, popen: "subprocess.Popen[str]", output: Path) -> None:
        self.popen = popen
        self._output = output

    def printed(self) -> str:
        """The standard output so far."""
        return self._output.read_text()

    def children(self, role: str = "worker") -> list[psutil.Process]:
        """The job's processes of one role, by index."""
        return families.of_roles(psutil.Process(self.popen.pid).children(recursive=True), role)

    @property
    def ended(self) -> bool:
        return self.popen.poll() is not None

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; exit status, standard output and standard error."""
        _, err = self.popen.communicate(timeout=DEADLINE)
        return self.popen.returncode, self.printed(), err

    def kill_all(self) -> None:
        """SIGKILL to the command and every process it started, at the same moment."""
        family = families.family(psutil.Process(self.popen.pid))[::-1]
        families.send(family)
        self.popen.communicate()
        psutil.wait_procs(family, timeout=DEADLINE)


@contextmanager
def running(job: Path, *options: str, by: Sequence[str] = ()) -> Iterator[Running]:
    """Start a job, ``by`` a command that becomes it; nothing of it is left at the end of the block."""
    line = [*by, sys.executable, "-m", "yarnml", "run", str(job), *options]
    with NamedTemporaryFile(suffix=".out") as output:
        popen = subprocess.Popen(
            line,
            stdout=output,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        yield from _ended_after(popen, Running(popen, Path(output.name)))


def _ended_after(popen: "subprocess.Popen[str]", run: Running) -> Iterator[Running]:
    try:
        yield run
    finally:
        if popen.poll() is None:
            families.send(families.family(psutil.Process(popen.pid)), signal.SIGCONT)
            run.kill_all()


def saved_steps(job_folder: Path) -> list[int]:
    """The steps of the committed checkpoints."""
    return sorted(int(p.name.removeprefix("step-")) for p in job_folder.glob("checkpoints/step-*"))


def lose_each_role(run: Running, job_folder: Path) -> None:
    """Kill a worker, then an owner of a part, then two owners, each after another checkpoint."""
    for role, count in (("worker", 1), ("reducer", 1), ("reducer", 2)):
        saved = max(saved_steps(job_folder))
        wait_for("another checkpoint", lambda newest=saved: max(saved_steps(job_folder)) > newest)
        for process in run.children(role)[-count:]:
            process.kill()
