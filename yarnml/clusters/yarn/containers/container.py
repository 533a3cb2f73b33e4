"""The program of a worker's or reducer's container: find the master through Skein, then work as anywhere else."""

import os
import sys
import time
import urllib.request
from pathlib import Path

import msgspec

from yarnml import __version__
from yarnml.clusters.yarn import credentials, services
from yarnml.clusters.yarn.application import MASTER_ADDRESS
from yarnml.clusters.yarn.capacity.answers import DevicesAnswer
from yarnml.clusters.yarn.containers import token_renewal
from yarnml.clusters.yarn.containers.compile_cache import SharedCompileCache
from yarnml.clusters.yarn.skein_import import skein
from yarnml.errors import WorkerLost
from yarnml.events.log import log, log_what_nobody_catches
from yarnml.storage.answers import decode
from yarnml.worker.environment import Environment
from yarnml.worker.library_variables import device_variables
from yarnml.worker.process import import_libraries, work

MASTER_SECONDS = 300.0
"""Longest wait for the master to leave its address."""

_NODE_ANSWER_SECONDS = 3.0


def main() -> int:
    log_what_nobody_catches()
    variables = os.environ
    service, _, instance = variables["SKEIN_CONTAINER_ID"].rpartition("_")
    process = services.process_of(service, int(instance))
    python = ".".join(map(str, sys.version_info[:3]))
    print(f"{process} on {variables['NM_HOST']}: yarnml {__version__}, Python {python}, process {os.getpid()}")
    if gpus := int(variables["YARNML_GPUS"]):
        os.environ |= device_variables(gpus, 0, assigned_gpus())
    application = skein.ApplicationClient.from_current()
    token_renewal.follow(application)
    cache = None
    if process.role == "worker":
        cache = SharedCompileCache(variables["YARNML_PROGRAMS"], variables["NPROC"], Path("compiled").absolute())
        os.environ |= cache.variables(variables)
        import_libraries()  # while the master plans
    try:
        master = _wait_for_master(application)
    except WorkerLost as exc:
        log(f"{process}: {exc}")
        return 1
    if cache and process.index == 0:  # all workers compile the same
        cache.start_storing()
    timeout = float(variables["YARNML_TIMEOUT"])
    stall = float(variables["YARNML_STALL"])
    certificate = credentials.in_container()
    host = variables["NM_HOST"]
    return work(Environment(process.role, process.index, master, host, certificate, timeout, stall, guarded=False))


def _wait_for_master(application: skein.ApplicationClient) -> str:
    """The address of the master, which it leaves with Skein when it has begun; WorkerLost where it does not come."""
    deadline = time.monotonic() + MASTER_SECONDS
    with application.kv.events(key=MASTER_ADDRESS, event_type="put") as puts:
        address = application.kv.get(MASTER_ADDRESS)
        while address is None:
            try:
                address = puts.get(timeout=max(0.0, deadline - time.monotonic())).result.value
            except Exception as exc:
                raise WorkerLost(f"The master left no address within {MASTER_SECONDS:.0f} s: {exc!r}.") from exc
    return str(address.decode())


def assigned_gpus() -> list[str]:
    """The devices that the NodeManager gave to this container; empty where it does not tell.

    Without the device isolation of YARN's Linux container executor, a process sees the GPUs of its neighbours too.
    """
    node = f"{os.environ['NM_HOST']}:{os.environ['NM_HTTP_PORT']}"
    try:
        url = f"http://{node}/ws/v1/node/resources/yarn.io%2Fgpu"
        with urllib.request.urlopen(url, timeout=_NODE_ANSWER_SECONDS) as answer:
            devices = decode(answer.read(), DevicesAnswer).assigned_gpu_devices
    except (OSError, ValueError, msgspec.DecodeError):
        return []
    return [str(device.index) for device in devices if device.container_id == os.environ["CONTAINER_ID"]]


if __name__ == "__main__":
    sys.exit(main())
