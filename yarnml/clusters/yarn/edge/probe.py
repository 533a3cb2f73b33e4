"""The probe of `yarnml doctor`: an application of one container that imports what a worker imports, and ends."""

import tempfile
import time
from collections.abc import Callable
from typing import Any

from yarnml.clusters.yarn.application import CLOCK
from yarnml.clusters.yarn.capacity import resource_manager
from yarnml.clusters.yarn.capacity.resources import requests
from yarnml.clusters.yarn.edge.client import CHECK_SECONDS, Yarn, home
from yarnml.clusters.yarn.edge.clocks import compare_clocks
from yarnml.clusters.yarn.edge.submit import build_application
from yarnml.clusters.yarn.observe.diagnosis import diagnose
from yarnml.clusters.yarn.packaging.provision import provide
from yarnml.errors import ClusterError, named
from yarnml.events.events import Failure
from yarnml.job.base import BaseJob

TAG = "yarnml-doctor"

PROBE_SECONDS = 180.0
"""Longest wait for the container to come, to get its packages and to import them."""


def probe_environment(yarn: Yarn, job: BaseJob, note: Callable[[str], None]) -> str:
    """A container's own words about its Python; raises the error that a job would meet where it does not start."""
    with tempfile.TemporaryDirectory(prefix="yarnml-") as folder:
        whole = build_application(job, folder, home(), provide(job, home(), note))
        sent = yarn.send(job, _probe_application(job, whole))
    began = time.time()
    deadline = time.monotonic() + PROBE_SECONDS
    while (report := yarn.report(sent.id)).live:
        if time.monotonic() > deadline:
            lack = resource_manager.why_pending(job.queue, requests(job)[0]) or report.diagnostics
            yarn.kill(sent.id)
            raise ClusterError(
                f"{sent.id} was {report.state} after {PROBE_SECONDS:.0f} s: {lack or 'it left no word'}."
            )
        time.sleep(CHECK_SECONDS)
    end = diagnose(report)
    if isinstance(end, Failure):
        raise named(end.error)(end.text, end.detail)
    text, _, clock = report.diagnostics.partition(CLOCK)
    return text + compare_clocks(float(clock), began, time.time()) if clock else text


def _probe_application(job: BaseJob, whole: dict[str, Any]) -> dict[str, Any]:
    """The job's application with a master that only imports, on a node like those of the workers."""
    script = whole["master"]["script"].replace("containers.application_master", "containers.import_check")
    same = {key: whole[key] for key in ("name", "queue", "acls", "file_systems")}
    label = job.workers.node_label
    return same | {
        "tags": [TAG],
        "max_attempts": 1,
        "node_label": label,
        "master": whole["master"] | {"script": script, "files": whole["services"]["worker"]["files"]},
    }
