"""Compiled programs that are found by what they are made of, so that a process need not trace and lower them first.

JAX's own cache knows a program by its lowered form, which takes ten times as long to make as the machine code takes to
load, and most of a small job's start.  Here a program is known by the code that would trace it, down to the times of
its files, and by all that this code is given.  Programs of a user's own code are not kept, since nobody knows what that
imports; nor are those that call functions outside of XLA, which only lowering makes ready.
"""

import hashlib
import os
import pickle
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import jax

from yarnml.events.log import log
from yarnml.storage import local
from yarnml.worker.compile_cache import FOLDER_VARIABLE, processor_kind
from yarnml.worker.environment import THREAD_POOL_VARIABLES

FOLDER = "programs"
"""The folder beside the programs that JAX keeps."""

MAX_BYTES = 256 * 2**20
"""Size of the folder.  What was used longest ago is dropped."""

_COMPILER = ("jax", "jaxlib")
"""The packages that make machine code of programs."""

_TRACED = ("yarnml", "optax")
"""The packages that programs are traced from."""

_PLACES = ("jax_compilation_cache", "jax_persistent_cache")
"""Begin the names of JAX's settings that make no difference to a program."""

_FLAGS = ("XLA_FLAGS",)

_T = TypeVar("_T")


class ProgramStore:
    """A folder of what processes of this user have made of one learner on one schema.

    ``identity``: tells learners and schemas apart, and whatever else programs are made of beside code and settings.
    """

    def __init__(self, folder: Path, identity: bytes) -> None:
        self._folder = folder
        self._compiler = code_digest(_COMPILER) + _settings()
        self._identity = self._compiler + code_digest(_TRACED) + identity

    def key(self, name: str) -> str:
        """The key of what is made under this name, of this learner on this schema."""
        return hashlib.sha256(self._identity + name.encode()).hexdigest()

    def key_of_code(self, name: str, text: str) -> str:
        """The key of the machine code of a lowered program, whatever it was traced from."""
        return hashlib.sha256(b"\0".join((self._compiler, name.encode(), text.encode()))).hexdigest()

    def value(self, name: str, make: Callable[[], _T]) -> _T:
        """Return the stored value of a name, or make and store it."""
        key = self.key(name)
        value: _T | None = self.load(key)
        if value is None:
            value = make()
            self.store(key, value)
        return value

    def load(self, key: str) -> Any:
        """Return a stored value; None where there is none that can be read."""
        path = self._folder / key
        try:
            value = pickle.loads(path.read_bytes())
            os.utime(path)
        except FileNotFoundError:
            return None
        except Exception as exc:
            log(f"{path} can't be used: {exc}")
            return None
        return value

    def store(self, key: str, value: Any) -> None:
        """Store a value; a failure is logged, since the next process makes it again."""
        path = self._folder / key
        draft = path.with_name(f"{local.TEMPORARY}{os.getpid()}-{key}")
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            draft.write_bytes(pickle.dumps(value))
            draft.replace(path)
            _drop_oldest(self._folder)
        except Exception as exc:
            log(f"{path} can't be stored: {exc}")


class NoStore:
    """In the place of a store where nothing is kept."""

    def value(self, name: str, make: Callable[[], _T]) -> _T:
        return make()


Store = ProgramStore | NoStore

NO_STORE = NoStore()


def store_for(identity: bytes) -> Store:
    """Return the store of a learner; nothing is kept without a folder that is this user's alone to write."""
    folder = os.environ.get(FOLDER_VARIABLE)
    settings: Any = jax.config
    if not folder or settings.jax_disable_jit:
        return NO_STORE
    try:
        status = os.stat(folder)
    except OSError:
        return NO_STORE
    is_own = status.st_uid == os.getuid() and not status.st_mode & 0o022
    return ProgramStore(Path(folder) / FOLDER, identity) if is_own else NO_STORE


def load_digests() -> None:
    """Look at the code that makes programs, once for this process and those that it forks."""
    code_digest(_COMPILER)
    code_digest(_TRACED)


@cache
def code_digest(packages: tuple[str, ...]) -> bytes:
    """The digest of the code of packages, and of the kind of processor.

    A file counts by its size and time, as Python tells whether its bytecode is of today.
    """
    facts = [sys.version, platform.platform(), processor_kind()]
    for package in packages:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            facts += sorted(_files(folder))
    return hashlib.sha256("\n".join(facts).encode()).digest()


def _files(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _files(entry.path)
            elif entry.name.endswith((".py", ".so")):
                status = entry.stat()
                yield f"{entry.path} {status.st_size} {status.st_mtime_ns}"


def _settings() -> bytes:
    """JAX's settings, and the variables that it and its libraries go by."""
    variables = {name: value for name, value in os.environ.items() if name in THREAD_POOL_VARIABLES or name in _FLAGS}
    settings = {name: value for name, value in jax.config.values.items() if not name.startswith(_PLACES)}
    return repr((sorted(variables.items()), sorted(settings.items()))).encode()


def _drop_oldest(folder: Path) -> None:
    """Remove the files that were used longest ago, until the others have room."""
    with os.scandir(folder) as entries:
        files = [(entry.stat().st_mtime_ns, entry.stat().st_size, entry.path) for entry in entries]
    excess = sum(size for _, size, _ in files) - MAX_BYTES
    for _, size, path in sorted(files):
        if excess <= 0:
            return
        with suppress(FileNotFoundError):
            os.unlink(path)
        excess -= size
