"""The Skein application of a job: the template of `appspec`, filled in.  Pure: nothing is sent from here."""

import hashlib
from collections.abc import Mapping
from importlib import resources as package
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import yaml

from yarnml import storage
from yarnml.clusters.yarn import services
from yarnml.clusters.yarn.packaging.provision import VARIABLES, Provision
from yarnml.errors import JobFileError
from yarnml.job import paths
from yarnml.job.acls import Acls, groups, users
from yarnml.job.base import BaseJob, places
from yarnml.job.spec import size_in_bytes
from yarnml.storage.hdfs import roots_of
from yarnml.worker.library_variables import device_variables, library_variables

JOB_FILE = "yarnml-job.json"
"""The job as it was sent: the name of this file on the edge node, in the staging folder and in a container."""

KEYTAB = "yarnml.keytab"
"""The master's keytab: the name of this file in its container."""

PRINCIPAL_VARIABLE = "YARNML_PRINCIPAL"
"""Whose key the master takes from its keytab."""

TAG = "yarnml"
"""The tag of every application of yarnml."""

MASTER_ADDRESS = "yarnml.master"
"""Skein's key for the address where the master answers the processes of the job."""

QUICK_JAVA = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Options of Skein's Java programs, which do little once they are up: so each starts with half of the work."""

CLOCK = "; clock "
"""The mark, in the report of doctor's container, before the seconds since 1970 on its node."""

EVENTS_PAGE = "events"
"""The name, among Skein's pages of an application, of the page for those who may only look."""

EVENTS_ADDRESS = "yarnml.news"
"""Skein's key for the address where the job's events can be followed."""


class Login(NamedTuple):
    """A way to log in without a password; ``keytab``: the absolute path of the file."""

    keytab: str
    principal: str


def specification(
    job: BaseJob,
    job_file: str,
    home: str,
    provision: Provision,
    memory_limits: Mapping[str, int] = {},
    login: Login | None = None,
    *,
    kerberos: bool = False,
    service: str = "",
) -> dict[str, Any]:
    """The application as Skein's mapping.

    ``job_file``: path of the encoded job on this machine; the variables of its processes lie beside it.
    ``home``: the URL of the user's yarnml folder.
    ``memory_limits``: by role, the MiB of the largest container that can be had; a role without one never gets more
    than it asks for.
    ``login``: by which the master logs in; None where it has delegation tokens alone.
    ``kerberos``: whether the cluster knows its users: then the pages of the application, which have what its containers
    left with Skein, are for its user alone, and the nodes show logs only to who has a ticket.
    ``service``: who submits it in the user's name, and may look at it and end it; empty for the user.
    """
    workers = job.workers
    reducers = job.reducers
    common = provision.variables | {"YARNML_HOME": home, "PYTHONUNBUFFERED": "1"}
    limits = {"YARNML_TIMEOUT": str(workers.timeout), "YARNML_STALL": str(workers.stall)}
    values = {
        "name": job.name,
        "queue": job.queue,
        "tags": [TAG, tag_of(job)],
        "attempts": job.master.attempts,
        "file_systems": file_systems(job),
        "files": _files(provision, job_file),
        "master_files": _files(provision, job_file, computing=False),
        "prelude": provision.prelude,
        "python": provision.python,
        "master_resources": _resources(job.master.memory, job.master.vcores),
        "master_env": common | _quick_java(),
        "acls": _acls(job.acls, service, kerberos=kerberos),
        "last_word": _last_word(provision.python) if kerberos else ":",
        "workers": workers.count,
        "worker_resources": _resources(workers.memory, workers.vcores, workers.gpus),
        "worker_label": workers.node_label,
        "worker_env": common
        | limits
        | {"YARNML_PROGRAMS": paths.programs(home, job.name)}
        | library_variables(workers.vcores, {})
        | _devices(workers.gpus),
        "reducers": reducers.count,
        "reducer_resources": _resources(reducers.memory, reducers.vcores),
        "reducer_env": common | limits | library_variables(reducers.vcores, {}) | _devices(0),
    }
    text = package.files("appspec").joinpath("application.yaml").read_text()
    filled: dict[str, Any] = _fill(yaml.safe_load(text), values)
    if not reducers.count:
        del filled["services"]["reducer"]
    if login:
        master = filled["master"]
        files = master["files"] | {KEYTAB: {"source": login.keytab, "type": "file"}}
        variables = master["env"] | {PRINCIPAL_VARIABLE: login.principal}
        filled["master"] = master | {"files": files, "env": variables}
    filled["services"] |= _larger_services(filled["services"], memory_limits)
    return filled


def _larger_services(declared: dict[str, Any], memory_limits: Mapping[str, int]) -> dict[str, Any]:
    """The services with more memory, each by its name; their containers log to the file of their role.

    Skein names the log of a container after its service, so that without a redirection each size had another file.
    """
    return {
        services.service_name(role, size): service
        | {
            "instances": 0,
            "resources": service["resources"] | {"memory": f"{memory} MiB"},
            "script": f'exec >> "${{LOG_DIRS%%,*}}/{role}.log" 2>&1\n{service["script"]}',
        }
        for role, service in declared.items()
        for size, memory in enumerate(
            services.larger_memory(service["resources"]["memory"], memory_limits.get(role, 0)), 1
        )
    }


def tag_of(job: BaseJob) -> str:
    """The tag of a job's applications: a digest of the job's folder in its one form, since tags must be short."""
    return f"{TAG}-{hashlib.sha256(storage.canonical(job.folder).encode()).hexdigest()[:16]}"


def check_paths(job: BaseJob) -> None:
    """Refuse paths that mean something else on every machine."""
    for field, url in job.urls.items():
        if "://" not in url:
            raise JobFileError(
                f"{field}: {url} is a path of this machine, which YARN's nodes can't see; put it on HDFS and write "
                f"hdfs:///…, or file://{url} if every node has it there."
            )
        if url.startswith("memory://"):
            raise JobFileError(f"{field}: memory:// is not shared between processes; use hdfs:///….")


def file_systems(job: BaseJob) -> list[str]:
    """Every HDFS that a job names, without the default one, which YARN knows."""
    return [root for root in roots_of(places(job).values()) if not root.endswith("://")]


def _files(provision: Provision, job_file: str, *, computing: bool = True) -> dict[str, Any]:
    """The files that YARN brings to a container; those on HDFS are kept on a node for all jobs of the user.

    ``computing``: whether it is that of a worker or reducer.
    """
    files: dict[str, Any] = {JOB_FILE: {"source": job_file, "type": "file"}}
    if provision.secret:
        files[VARIABLES] = {"source": str(Path(job_file).with_name(VARIABLES)), "type": "file"}
    for name, resource in provision.resources.items():
        if resource.computing and not computing:
            continue
        shared = {"visibility": "private"} if "://" in resource.url else {}
        files[name] = {"source": resource.url, "type": resource.kind, **shared}
    return files


def _acls(acls: Acls, service: str, *, kerberos: bool) -> dict[str, Any]:
    """Skein's access lists; a cluster that does not know its users has none, unless the job names some."""
    if not kerberos and acls == Acls():
        return {"enable": False}
    services = [service] if service else []
    return {
        "enable": True,
        "view_users": users(acls.view) + services,
        "view_groups": groups(acls.view),
        "modify_users": users(acls.modify) + services,
        "modify_groups": groups(acls.modify),
        "ui_users": sorted({*acls.ui, *acls.followers}),
    }


def _last_word(python: str) -> str:
    """The shell's line by which a container tells its bad end to a master that can't read its log."""
    return f"test $status = 0 || {python} -m yarnml.clusters.yarn.containers.last_word || true"


def _resources(memory: str, vcores: int, gpus: int = 0) -> dict[str, Any]:
    mebibytes = -(-size_in_bytes(memory) // 2**20)
    return {"memory": f"{mebibytes} MiB", "vcores": vcores} | ({"gpus": gpus} if gpus else {})


def _quick_java() -> dict[str, str]:
    """The variable by which Skein's application master starts quickly; Java 8 takes no notice of it.

    A NodeManager may append an administrator's options behind a colon, which the last word makes harmless.
    """
    return {"JDK_JAVA_OPTIONS": " ".join([*QUICK_JAVA, f"-D{TAG}"])}


def _devices(gpus: int) -> dict[str, str]:
    """Variables for the devices of a container: without GPUs it must not see any, else it learns its own later."""
    return {"YARNML_GPUS": str(gpus)} if gpus else {**device_variables(0, 0), "YARNML_GPUS": "0"}


def _fill(template: Any, values: dict[str, Any]) -> Any:
    """Fill in a template: a leaf that is one ``$name`` becomes the value itself, other texts get the values put in."""
    match template:
        case dict():
            return {key: _fill(value, values) for key, value in template.items()}
        case str() if template.startswith("$") and template[1:] in values:
            return values[template[1:]]
        case str():
            return Template(template).substitute(values)
    return template
