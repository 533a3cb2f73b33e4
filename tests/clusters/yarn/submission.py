"""A job that `yarnml submit` was given, and what came of it."""

import re
from typing import NamedTuple

from tests.applications import Cluster, Job

ID = re.compile(r"application_\d+_\d+")


class Sent(NamedTuple):
    """A job that was submitted: its mapping, its application, the command's status and what it printed."""

    job: Job
    id: str
    status: int
    out: str


def submit(cluster: Cluster, job: Job, *options: str) -> Sent:
    """Submit a job and wait for the end of the command."""
    done = cluster.yarnml("submit", cluster.write(job), *options)
    out = done.stdout + done.stderr
    match = ID.search(out)
    return Sent(job, match[0] if match else "", done.returncode, out)
