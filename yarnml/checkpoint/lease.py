"""The lease of a job's folder: ``.yarnml-lease.json`` names the one run that leads the job, so that two don't meet.

A run takes the lease before it changes anything, looks at it before every commit, and removes it at its end.  A lease
that its owner left behind blocks nobody: where this process can see the owner, it must be alive to keep the lease;
where it can't, the newer run takes the lease, and the older one ends at its next commit.
"""

import os
import re
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from yarnml import storage
from yarnml.checkpoint.store import reachable
from yarnml.errors import CheckpointError, YarnmlError
from yarnml.events.log import log
from yarnml.job import paths
from yarnml.storage import atomic, integrity

_CONTAINER = re.compile(r"container_(?:e\d+_)?(\d+_\d+)_(\d+)_\d+")
_ATTEMPTS = 20


class Owner(Struct, frozen=True):
    """The process that leads a job.

    ``machine``: the host, its start and the space of its process ids; where all agree, ``process`` can be looked up.
    ``started``: when the process began, in the machine's ticks, since process ids are used again.
    ``folder``: of the job, in its one form: a copy of the folder, with this file in it, is led by nobody.
    ``application`` and ``attempt``: of YARN; empty and 0 elsewhere.
    """

    nonce: str
    host: str
    machine: str
    process: int
    started: int
    folder: str
    application: str = ""
    attempt: int = 0

    def __str__(self) -> str:
        where = f"process {self.process} on {self.host}"
        return f"{self.application}, attempt {self.attempt}, {where}" if self.application else where


class LeaseLost(CheckpointError):
    """Another run leads the job by now.

    ``same_application``: it is a newer attempt of the same application.
    """

    def __init__(self, field: str, folder: str, by: Owner, same_application: bool) -> None:
        super().__init__(
            f"{field} {folder} is led by another run now ({by}); this one ends and leaves everything to it."
        )
        self.same_application = same_application


def this_process(folder: str) -> Owner:
    """Describe this process as the owner of a job's folder, with a nonce of its own."""
    match = _CONTAINER.fullmatch(os.environ.get("CONTAINER_ID", ""))
    host = socket.gethostname()
    return Owner(
        uuid.uuid4().hex,
        host,
        f"{host} {_boot()} {_process_space()}",
        os.getpid(),
        start_of(os.getpid()) or 0,
        storage.canonical(folder),
        f"application_{match[1]}" if match else "",
        int(match[2]) if match else 0,
    )


def start_of(process: int) -> int | None:
    """Return when a process of this machine began; None where there is none."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def is_alive(owner: Owner, run: Owner) -> bool | None:
    """Tell whether the process of an owner runs, and leads this folder; None where another run can't see it."""
    if owner.machine != run.machine:
        return None
    return owner.folder == run.folder and start_of(owner.process) == owner.started


def may_take(owner: Owner, run: Owner, alive: bool | None) -> bool:
    """Decide whether a run may take the lease of an owner.

    ``alive``: whether the owner's process runs; None where it can't be seen.
    """
    if run.application and owner.application == run.application and owner.attempt != run.attempt:
        return owner.attempt < run.attempt
    return not alive


class Lease:
    """The lease of one job's folder, as one run sees it; ``field``: of the job file, which decides the folder."""

    def __init__(self, folder: str, field: str = "checkpoint.path") -> None:
        self._folder = folder
        self._field = field
        self._file = storage.join(folder, paths.LEASE)
        self._owner = this_process(folder)

    def check(self) -> None:
        """Raise CheckpointError where another run leads the job, as far as can be seen from here."""
        owner = self._read()
        if owner is None or owner == self._owner or may_take(owner, self._owner, is_alive(owner, self._owner)):
            return
        if self._is_other_attempt(owner):
            raise self._lost_to(owner)
        raise CheckpointError(
            f"{self._field} {self._folder} is in use: {owner} runs this job; wait for its end, or give this job "
            f"another {self._field}."
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have the lease in this block; raises what `check` does.

        An error of a block that has lost the lease is LeaseLost: whoever leads may have taken away what it needed.
        """
        self._take()
        try:
            yield
        except YarnmlError as exc:
            owner = self._successor()
            if owner and not isinstance(exc, LeaseLost):
                raise self._lost_to(owner) from exc
            raise
        finally:
            with suppress(OSError, CheckpointError):  # the end of the block is what is to be reported
                if self._read() == self._owner:
                    storage.remove_file(self._file)

    def confirm(self) -> None:
        """See that this run still has the lease; LeaseLost where another one took it."""
        owner = self._read()
        if owner is None:  # somebody removed the file; whoever leads puts it back
            self._take()
        elif owner.nonce != self._owner.nonce:
            raise self._lost_to(owner)

    def release_of(self, application: str) -> bool:
        """Remove the lease that an application left which has ended; False where another run leads the job."""
        owner = self._read()
        if owner and owner.application != application:
            return False
        with reachable(self._folder, self._field):
            storage.remove_file(self._file)
        return True

    def _take(self) -> None:
        """Take the lease; of two runs that do so on one machine at the same time, one after the other."""
        for _ in range(_ATTEMPTS):
            with reachable(self._folder, self._field), storage.locked(self._folder):
                self.check()
                old = self._read()
                storage.remove_file(self._file)
                with suppress(FileExistsError), atomic.create(self._file) as beside:
                    storage.write(beside, msgspec.json.format(msgspec.json.encode(self._owner)))
                is_own = self._read() == self._owner
            if is_own:
                if old and is_alive(old, self._owner) is None:
                    log(f"{self._field} {self._folder} was led by {old}, which ends at its next commit if it runs.")
                return
        raise CheckpointError(f"{self._field} {self._folder} is in use: other runs begin there all the time.")

    def _successor(self) -> Owner | None:
        """Return the owner that took the lease from this run; None where there is none, or the storage is away."""
        with suppress(CheckpointError):
            owner = self._read()
            return owner if owner and owner.nonce != self._owner.nonce else None
        return None

    def _lost_to(self, owner: Owner) -> LeaseLost:
        return LeaseLost(self._field, self._folder, owner, self._is_other_attempt(owner))

    def _is_other_attempt(self, owner: Owner) -> bool:
        return bool(owner.application) and owner.application == self._owner.application

    def _read(self) -> Owner | None:
        """Return the owner that the file names; None where there is none, or no owner can be read in it."""
        with reachable(self._folder, self._field), suppress(FileNotFoundError, NotADirectoryError):
            data = storage.read(self._file)
            with suppress(*integrity.UNDECODABLE):
                return msgspec.json.decode(data, type=Owner)
        return None


def _boot() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def _process_space() -> str:
    with suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""
