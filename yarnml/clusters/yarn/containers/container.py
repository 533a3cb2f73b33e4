"""The program of a worker's or reducer's container: find the master through Skein, then work as anywhere else."""

import json
import os
import sys
import time
import urllib.request
from pathlib import Path

import skein

from yarnml import __version__
from yarnml.clusters.yarn import credentials, services
from yarnml.clusters.yarn.application import MASTER
from yarnml.clusters.yarn.containers.compile_cache import Programs
from yarnml.errors import WorkerLost
from yarnml.events.log import log
from yarnml.worker.environment import Environment, devices
from yarnml.worker.process import work

MASTER_SECONDS = 300.0
_NODE_SECONDS = 3.0


def main() -> int:
    variables = os.environ
    service, _, instance = variables["SKEIN_CONTAINER_ID"].rpartition("_")
    who = services.who(service, int(instance))
    python = ".".join(map(str, sys.version_info[:3]))
    print(f"{who} on {variables['NM_HOST']}: yarnml {__version__}, Python {python}, process {os.getpid()}")
    if gpus := int(variables["YARNML_GPUS"]):
        os.environ |= devices(gpus, 0, assigned_gpus())
    programs = None
    if who.role == "worker":
        programs = Programs(variables["YARNML_PROGRAMS"], variables["NPROC"], Path("compiled").absolute())
    try:
        master = _master()
    except WorkerLost as exc:
        log(f"{who}: {exc}")
        return 1
    if programs:
        os.environ |= programs.variables(variables)
        if who.index == 0:
            programs.look_after()
    seconds = float(variables["YARNML_TIMEOUT"]), float(variables["YARNML_STALL"])
    own = credentials.in_container()
    return work(Environment(who.role, who.index, master, variables["NM_HOST"], own, *seconds, guarded=False))


def _master() -> str:
    """Where the master listens; it leaves its address when it has begun."""
    application = skein.ApplicationClient.from_current()
    deadline = time.monotonic() + MASTER_SECONDS
    with application.kv.events(key=MASTER, event_type="put") as puts:
        found = application.kv.get(MASTER)
        while found is None:
            try:
                found = puts.get(timeout=max(0.0, deadline - time.monotonic())).result.value
            except Exception as exc:
                raise WorkerLost(f"The master left no address within {MASTER_SECONDS:.0f} s: {exc!r}.") from exc
    return str(found.decode())


def assigned_gpus() -> list[str]:
    """The devices that the NodeManager gave to this container; empty where it does not tell.

    Without the device isolation of YARN's Linux container executor, a process sees the GPUs of its neighbours too.
    """
    node = f"{os.environ['NM_HOST']}:{os.environ['NM_HTTP_PORT']}"
    try:
        url = f"http://{node}/ws/v1/node/resources/yarn.io%2Fgpu"
        with urllib.request.urlopen(url, timeout=_NODE_SECONDS) as answer:
            given = json.load(answer).get("assignedGpuDevices", [])
    except (OSError, ValueError, AttributeError):
        return []
    return [str(g["index"]) for g in given if g.get("containerId") == os.environ["CONTAINER_ID"]]


if __name__ == "__main__":
    sys.exit(main())
