"""The commands of an edge node: submit a job, and everything that is done with one afterwards."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from yarnml.clusters.yarn.admission import check
from yarnml.clusters.yarn.application import specification
from yarnml.clusters.yarn.client import Yarn, connected
from yarnml.clusters.yarn.follow import follow
from yarnml.errors import Interrupted
from yarnml.events import Event, Submitted
from yarnml.job import Job
from yarnml.provision import Provision

Say = Callable[[Event], None]


def submit(
    job: Job, say: Say, note: Callable[[str], None] = print, *, restart: bool, detach: bool, dry_run: bool
) -> None:
    """Send a job to YARN and, unless detached, show it until it ends."""
    check(job)
    with connected() as yarn, tempfile.TemporaryDirectory(prefix="yarnml-") as folder:
        prepared = yarn.prepare(job, note, restart=restart)
        if prepared.outcome:
            say(prepared.outcome)
        if not prepared.provision:
            return
        application = describe(job, folder, prepared.home, prepared.provision)
        if dry_run:
            print(yaml.safe_dump(application, sort_keys=False))
            return
        sent = yarn.send(job, application)
        say(Submitted(sent.id, sent.url))
        if not detach:
            attach(yarn, sent.id, say)


def attach(yarn: Yarn, application: str, say: Say) -> None:
    """Show a job until it ends; Ctrl-C leaves it running."""
    try:
        outcome = follow(yarn, application, say)
    except KeyboardInterrupt:
        raise Interrupted(
            f"{application} goes on. `yarnml attach {application}` shows it again, `yarnml kill {application}` ends it."
        ) from None
    if outcome:
        say(outcome)


def describe(job: Job, folder: str, home: str, provision: Provision) -> dict[str, Any]:
    """The Skein application of a job, with the job itself written into ``folder`` for Skein to upload."""
    job_file = Path(folder) / "job.json"
    job_file.write_bytes(msgspec.json.encode(job))
    return specification(job, str(job_file), home, provision)
