"""The provision of the nodes: Python, its packages and the user's code, one `Provision` for five ways.

Everything large or likely to be used again is stored on the cluster's own storage under the digest of its content, so
a second submit packs and uploads nothing, and it is fetched and unpacked once on every node.
"""

import os
import sys
from typing import Literal

from msgspec import Struct

import yarnml
from yarnml.clusters.yarn.packaging import archive, bootstrap
from yarnml.clusters.yarn.packaging.archive import Item
from yarnml.clusters.yarn.packaging.bootstrap import ENVIRONMENT, FURTHER, JAX
from yarnml.clusters.yarn.packaging.packages import Note, Packages
from yarnml.errors import JobFileError
from yarnml.job import user_code
from yarnml.job.base import BaseJob

# Names in a container's working folder.
CODE = "code"
VARIABLES = "yarnml-variables.sh"

FOR_YARN = "YARN_CONTAINER_RUNTIME_"
"""The beginning of the variables that are for YARN's NodeManager, which looks for them in the application alone."""

MAX_CODE_BYTES = 256 << 20
"""Size of the code that may travel with a job."""

_PARTS = {ENVIRONMENT: "the environment", JAX: "JAX of the environment", FURTHER: "further packages of the environment"}
_PYTHON = '"$PYTHON"'
_ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip")  # what YARN unpacks


class Resource(Struct, frozen=True):
    """A file that YARN puts into a container's working folder, from ``url``; an archive is unpacked there.

    ``computing``: true for what only workers and reducers need.
    """

    url: str
    kind: Literal["file", "archive"]
    computing: bool = False


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


def provide(job: BaseJob, home: str, note: Note, python: str = sys.executable) -> Provision:
    """Pack and store what the job's processes need, as far as it is not stored yet; see `plan`.

    Raises ProvisionError where storage fails.
    """
    provision, packages = plan(job, home, python)
    packages.store(note)
    return provision


def plan(job: BaseJob, home: str, python: str = sys.executable) -> tuple[Provision, Packages]:
    """Find out what the job's processes need, and the packages that have to be stored for it.  Stores nothing.

    ``home``: the URL of the user's folder on the cluster's storage.
    ``python``: the interpreter whose environment is sent where the job chooses none.

    Raises JobFileError with the field that does not fit.
    """
    packages = Packages(home)
    own = archive.own_items(job.modules)
    interpreter, sources = _interpreter(job, own, packages, python)
    resources = interpreter.resources
    lines = interpreter.prelude
    if own or sources:
        travelling = [item for part in (*sources.values(), own) for item in part]
        _check_size(travelling)
        url = packages.pack(CODE, travelling, "the code that travels with the job")
        resources = resources | {f"{CODE}.zip": Resource(url, "file")}
        lines += bootstrap.code(CODE, list(sources), user_code.FOLDER if own else "")
    chosen = job.environment.variables
    for_yarn = {name: value for name, value in chosen.items() if name.startswith(FOR_YARN)}
    secret = bootstrap.exports({name: value for name, value in chosen.items() if name not in for_yarn})
    if secret:
        lines = f". ./{VARIABLES}\n{lines}"
    return Provision(resources, interpreter.python, lines, interpreter.variables | for_yarn, secret), packages


def _interpreter(
    job: BaseJob, own: list[Item], packages: Packages, python: str
) -> tuple[Provision, dict[str, list[Item]]]:
    """The way to the interpreter alone; beside it the sources of editable packages, by their folders, which travel."""
    chosen = job.environment
    if chosen.archive:
        archived = Resource(packages.upload("environment.archive", chosen.archive, _ARCHIVES), "archive")
        lines = bootstrap.ready(f"environment.archive {chosen.archive}", "environment/bin/python", yarnml.__version__)
        return Provision({ENVIRONMENT: archived}, _PYTHON, lines, {"PYTHONNOUSERSITE": "1"}), {}
    if chosen.pex:
        pex = Resource(packages.upload("environment.pex", chosen.pex, ("",)), "file")
        name = chosen.python or _python_name()
        lines = bootstrap.ready(f"environment.pex {chosen.pex}", name, yarnml.__version__, "environment.pex")
        words = f"{_PYTHON} environment.pex"
        return Provision({"environment.pex": pex}, words, lines, {"PEX_INTERPRETER": "1"}), {}
    if chosen.image:
        lines = bootstrap.ready(f"environment.image {chosen.image}", chosen.python or "python3", yarnml.__version__)
        runtime = {
            "YARN_CONTAINER_RUNTIME_TYPE": "docker",
            "YARN_CONTAINER_RUNTIME_DOCKER_IMAGE": chosen.image,
        }
        return Provision({}, _PYTHON, lines, runtime), {}
    if chosen.python:
        lines = bootstrap.ready(f"environment.python {chosen.python}", chosen.python, yarnml.__version__)
        return Provision({}, _PYTHON, lines, {}), {}
    from yarnml.clusters.yarn.packaging.active import active_environment  # masters load this module, and pack nothing

    active = active_environment(job, own, python)
    installed = active.installed
    packed: dict[str, Resource] = {}
    for name, items in active.archives.items():
        remark = str if packed else active.remark
        url = packages.pack("environments", items, f"{_PARTS[name]} {installed.prefix}", remark)
        packed[f"{name}.zip"] = Resource(url, "file", computing=name == JAX)
    lines = bootstrap.packed(f"python{installed.version}", installed.version, installed.machine)
    return Provision(packed, _PYTHON, lines, {}), active.sources


def _python_name() -> str:
    """The name of this interpreter, such as python3.12."""
    return "python{}.{}".format(*sys.version_info)


def _check_size(items: list[Item]) -> None:
    size = {item.path: os.path.getsize(item.path) for item in items}
    if sum(size.values()) > MAX_CODE_BYTES:
        largest = max(size, key=lambda path: size[path])
        raise JobFileError(
            f"The code that travels with the job, environment.files and editable installations, has "
            f"{sum(size.values()) >> 20} MiB, more than {MAX_CODE_BYTES >> 20}; its largest file is {largest}.  "
            "Keep data beside the packages, or install without --editable."
        )
