"""The provision of the nodes: Python, its packages and the user's code, one `Provision` for five ways.

Everything large or likely to be used again is stored on the cluster's own storage under the digest of its content, so
a second submit packs and uploads nothing, and YARN unpacks it once on every node.
"""

import contextlib
import hashlib
import mmap
import os
import sys
import tempfile
import time
from collections.abc import Callable
from typing import IO, Any, Literal

from msgspec import Struct

import yarnml
from yarnml import storage
from yarnml.clusters.yarn.packaging import archive, bootstrap
from yarnml.clusters.yarn.packaging.archive import Item
from yarnml.clusters.yarn.packaging.home import prepare
from yarnml.clusters.yarn.packaging.installed import Installed, survey
from yarnml.errors import JobFileError, ProvisionError, translated
from yarnml.job import user_code
from yarnml.job.base import BaseJob
from yarnml.storage import atomic, local

# Names in a container's working folder.
ENVIRONMENT = "environment"
CODE = "code"
VARIABLES = "yarnml-variables.sh"

FOR_YARN = "YARN_CONTAINER_RUNTIME_"
"""The beginning of the variables that are for YARN's NodeManager, which looks for them in the application alone."""

MAX_CODE_BYTES = 256 << 20
"""Size of the code that may travel with a job."""

_ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip")  # what YARN unpacks

Note = Callable[[str], None]
"""A function that hears a remark for the user."""


class Resource(Struct, frozen=True):
    """A file that YARN puts into a container's working folder, from ``url``; an archive is unpacked there."""

    url: str
    kind: Literal["file", "archive"]


class Provision(Struct, frozen=True):
    """The way of a container to an interpreter that has yarnml.

    ``resources``: by their name in the working folder.
    ``python``: shell words that start the interpreter, after the prelude.
    ``prelude``: bash lines that find and check the interpreter, or end with one sentence and status 97.
    ``variables``: the environment of every process, as YARN itself knows it.
    ``secret``: bash lines that set the variables of the job file, for a file that only its user can read; may be empty.
    """

    resources: dict[str, Resource]
    python: str
    prelude: str
    variables: dict[str, str]
    secret: str = ""


def provide(job: BaseJob, home: str, note: Note, python: str = sys.executable, *, send: bool = True) -> Provision:
    """Pack and store what the job's processes need, as far as it is not stored yet.

    ``home``: the URL of the user's folder on the cluster's storage.
    ``python``: the interpreter whose environment is sent where the job chooses none.
    ``send``: False to pack and store nothing, and only tell where it would be.

    Raises JobFileError with the field that does not fit, ProvisionError where storage fails.
    """
    chosen = job.environment
    resources: dict[str, Resource] = {}
    sources: dict[str, list[Item]] = {}
    variables: dict[str, str] = {}
    words = '"$PYTHON"'
    packages = _PackageStore(home, note, send)
    if send:
        prepare(home)
    if chosen.archive:
        resources[ENVIRONMENT] = Resource(packages.upload("environment.archive", chosen.archive, _ARCHIVES), "archive")
        lines = bootstrap.ready(f"environment.archive {chosen.archive}", "environment/bin/python", yarnml.__version__)
        variables["PYTHONNOUSERSITE"] = "1"
    elif chosen.pex:
        resources["environment.pex"] = Resource(packages.upload("environment.pex", chosen.pex, ("",)), "file")
        name = chosen.python or _python_name()
        words = '"$PYTHON" environment.pex'
        lines = bootstrap.ready(f"environment.pex {chosen.pex}", name, yarnml.__version__, "environment.pex")
        variables["PEX_INTERPRETER"] = "1"
    elif chosen.image:
        lines = bootstrap.ready(f"environment.image {chosen.image}", chosen.python or "python3", yarnml.__version__)
        variables["YARN_CONTAINER_RUNTIME_TYPE"] = "docker"
        variables["YARN_CONTAINER_RUNTIME_DOCKER_IMAGE"] = chosen.image
    elif chosen.python:
        lines = bootstrap.ready(f"environment.python {chosen.python}", chosen.python, yarnml.__version__)
    else:
        installed = _checked(survey(python))
        items = archive.site_items(installed, _left_out(installed, chosen.packages))
        sources = archive.source_items(installed)
        _check_yarnml(installed, items, sources)
        what = f"the environment {installed.prefix}"
        resources[ENVIRONMENT] = Resource(packages.pack("environments", items, what), "archive")
        lines = bootstrap.packed(f"python{installed.version}", installed.version, installed.machine)
    own = archive.own_items(job.modules)
    if own or sources:
        travelling = [item for part in (*sources.values(), own) for item in part]
        _check_size(travelling)
        resources[CODE] = Resource(packages.pack(CODE, travelling, "the code that travels with the job"), "archive")
        lines += bootstrap.code(CODE, list(sources), user_code.FOLDER if own else "")
    for_yarn = {name: value for name, value in chosen.variables.items() if name.startswith(FOR_YARN)}
    secret = bootstrap.exports({name: value for name, value in chosen.variables.items() if name not in for_yarn})
    if secret:
        lines = f". ./{VARIABLES}\n{lines}"
    return Provision(resources, words, lines, variables | for_yarn, secret)


def _python_name() -> str:
    """The name of this interpreter, such as python3.12."""
    return "python{}.{}".format(*sys.version_info)


def _checked(installed: Installed) -> Installed:
    if installed.conda:
        raise JobFileError(
            f"The active environment {installed.prefix} is conda's, whose packages need libraries from outside of "
            "site-packages; pack it with conda-pack and set environment.archive to the archive."
        )
    if installed.missing:
        raise JobFileError(
            f"The modules of {', '.join(installed.missing)}, an editable installation in {installed.prefix}, can't be "
            "found, so they can't travel; install it without --editable."
        )
    return installed


def _left_out(installed: Installed, packages: list[str]) -> frozenset[str]:
    """The files of packages that do not travel; without a choice all do."""
    if not packages:
        return frozenset()
    from yarnml.clusters.yarn.packaging.needed import files_left_out  # masters load this module, too, and pack nothing

    return files_left_out(installed.sites, ["yarnml", *packages])


def _check_yarnml(installed: Installed, items: list[Item], sources: dict[str, list[Item]]) -> None:
    packed = [*items, *(item for part in sources.values() for item in part)]
    if not any(item.name.endswith("/yarnml/__init__.py") for item in packed):
        raise JobFileError(
            f"The active environment {installed.prefix} has no yarnml of its own to send to the nodes; "
            "install yarnml into it with pip."
        )


def _check_size(items: list[Item]) -> None:
    size = {item.path: os.path.getsize(item.path) for item in items}
    if sum(size.values()) > MAX_CODE_BYTES:
        largest = max(size, key=lambda path: size[path])
        raise JobFileError(
            f"The code that travels with the job, environment.files and editable installations, has "
            f"{sum(size.values()) >> 20} MiB, more than {MAX_CODE_BYTES >> 20}; its largest file is {largest}.  "
            "Keep data beside the packages, or install without --editable."
        )


class _PackageStore:
    """The user's folder on the cluster's storage: every file in it is whole, and is never written again.

    ``send``: False to store nothing.
    """

    def __init__(self, home: str, note: Note, send: bool) -> None:
        self._home = home
        self._note = note
        self._send = send

    def pack(self, folder: str, items: list[Item], what: str) -> str:
        """Pack and store an archive of these items, unless it is stored already; its URL.

        ``what``: the archive in words, for messages.
        """
        target = storage.join(self._home, folder, f"{archive.key_of(items)}.tar.gz")
        if not self._is_stored(target, what):
            with tempfile.TemporaryFile(prefix="yarnml-") as file:
                began = time.monotonic()
                try:
                    archive.write(items, file)
                    file.flush()
                except OSError as exc:
                    raise ProvisionError(f"{what[0].upper()}{what[1:]} can't be packed: {exc}") from exc
                self._note(f"Packed {what} in {time.monotonic() - began:.1f} s.")
                self._store(file, target, what)
        return target

    def upload(self, field: str, url: str, endings: tuple[str, ...]) -> str:
        """Store a file that the user has on this machine, unless it is stored already; its URL.

        ``endings``: of its name; YARN tells the kind of an archive by them.
        """
        ending = next((e for e in endings if url.endswith(e)), None)
        if ending is None:
            raise JobFileError(f"{field} must end in {' or '.join(endings)}, which YARN needs, not {url}.")
        with translated(JobFileError, f"{field} {url} can't be looked up"):
            exists = storage.exists(url)
        if not exists:
            raise JobFileError(f"{field}: there is no {url}.")
        path = url.removeprefix("file://")
        if "://" in path:
            return url
        with translated(JobFileError, f"{field} {url} can't be read"), local.opened(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:32]
            target = storage.join(self._home, "environments", digest + ending)
            if not self._is_stored(target, f"{field} {url}"):
                self._store(file, target, f"{field} {url}")
        return target

    def _is_stored(self, target: str, what: str) -> bool:
        """True where nothing has to be stored: it is there already, or nothing is sent."""
        if not self._send:
            return True
        with translated(ProvisionError, f"{self._home} can't be looked into"):
            exists = storage.exists(target)
        if exists:
            self._note(f"Stored already: {what}, as {target}.")
        return exists

    def _store(self, file: IO[bytes], target: str, what: str) -> None:
        """Store a file under its final name, whole; of two commands that do so at once the first one counts."""
        began = time.monotonic()
        with translated(ProvisionError, f"{what[0].upper()}{what[1:]} can't be stored as {target}"):
            content: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # bytes that need no memory
            with contextlib.suppress(FileExistsError), atomic.create(target) as url:
                storage.write(url, content)
        self._note(f"Stored {what}, {len(content) / 1e6:.1f} MB in {time.monotonic() - began:.1f} s, as {target}.")
