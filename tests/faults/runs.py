"""One job under watch: its processes, what it has told and when, and what is left of it."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil

from tests import families
from tests.conftest import ROOT
from tests.xla import as_users

MARK = "YARNML_FAULTS_RUN"  # in the environment of every process of one run, so that all of them can be found
DEADLINE = 200.0  # seconds, for one run with all its faults
LEAVE_SECONDS = 30.0  # for processes that have lost their master

_EPOCH = re.compile(r"^epoch \d+/\d+  step (\d+)  ")


@dataclass(frozen=True)
class FinishedStep:
    """A step that the job said it had finished, at a time of the monotonic clock."""

    at: float
    step: int


class Run:
    """``yarnml run`` on a job file.  After its end, or its death, it may be started again."""

    def __init__(self, job: Path, *options: str) -> None:
        self._line = [sys.executable, "-m", "yarnml", "run", str(job), *options]
        self._folder = job.parent
        self._output = job.with_suffix(".out")
        self._mark = uuid4().hex
        self._over = threading.Event()
        self._ends = time.monotonic() + DEADLINE
        self.finished_steps: list[FinishedStep] = []
        self.began = time.monotonic()
        self.seconds = 0.0  # from the first start to the last end
        self.start()
        threading.Thread(target=self._listen, daemon=True, name="listener").start()

    def start(self) -> None:
        with self._output.open("ab") as output:
            self._popen = subprocess.Popen(
                self._line,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=self._folder,
                env=as_users() | {"PYTHONPATH": _path(), "PYTHONUNBUFFERED": "1", MARK: self._mark},
            )

    @property
    def master(self) -> psutil.Process:
        return psutil.Process(self._popen.pid)

    @property
    def ended(self) -> bool:
        return self._popen.poll() is not None

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    @property
    def step(self) -> int:
        """The newest step that was told."""
        return max((finished.step for finished in list(self.finished_steps)), default=0)

    def processes(self, *roles: str) -> list[psutil.Process]:
        """The living processes of these roles, by role and index."""
        return families.of_roles(self.family(), *roles)

    def family(self) -> list[psutil.Process]:
        """Every living process of this run, whoever its parent is."""
        return [process for process in psutil.process_iter() if self._is_mine(process)]

    def wait_for_step(self, step: int) -> None:
        """Return when the step was told, or when the job is over."""
        self.wait(f"step {step}", lambda: self.step >= step or self.ended)

    def wait_for_nobody(self, seconds: float = LEAVE_SECONDS) -> None:
        """Return when no process of this run is left."""
        self.wait("every process to leave", lambda: not self.family(), seconds)

    def end(self) -> int:
        """Wait for the end; the exit status."""
        self.wait("the end of the job", lambda: self.ended)
        self.seconds = time.monotonic() - self.began
        self.wait_for_nobody()
        return self._popen.returncode

    def crash(self) -> None:
        """SIGKILL to the command alone."""
        self._popen.kill()
        self._popen.wait()

    def close(self) -> None:
        """Leave nothing of this run, whatever state it is in."""
        self._over.set()
        while family := self.family():
            families.send(family)
            self._popen.poll()
            psutil.wait_procs(family, timeout=1.0)
        self._popen.wait()

    def wait(self, what: str, condition: Callable[[], object], seconds: float = DEADLINE) -> None:
        """Return when the condition holds; an AssertionError that names it where it does not in time."""
        deadline = min(self._ends, time.monotonic() + seconds)
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}; the newest step was {self.step}"
            time.sleep(0.02)

    def _is_mine(self, process: psutil.Process) -> bool:
        return families.variables(process).get(MARK) == self._mark and families.runs(process)

    def _listen(self) -> None:
        """Note when each epoch is told."""
        heard = 0
        while not self._over.wait(0.02):
            lines = self.output.split("\n")[:-1]
            for line in lines[heard:]:
                if epoch := _EPOCH.match(line):
                    self.finished_steps.append(FinishedStep(time.monotonic(), int(epoch[1])))
            heard = len(lines)


def _path() -> str:
    """The yarnml under test comes before one that is installed."""
    return os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(ROOT)])


@contextmanager
def watched(job: Path, *options: str) -> Iterator[Run]:
    """A run of which nothing is left at the end of the block."""
    run = Run(job, *options)
    try:
        yield run
    finally:
        run.close()
