"""The register of a user's applications: whose job's folder is which, for when the cluster has forgotten them."""

import re
from contextlib import suppress

import msgspec
from msgspec import Struct

from yarnml import storage
from yarnml.clusters.yarn.edge.client import home
from yarnml.clusters.yarn.observe.status import Application, Status, training_status
from yarnml.errors import HistoryError, JobFileError
from yarnml.events.events import Failure
from yarnml.events.log import log
from yarnml.storage import atomic
from yarnml.storage.security import identity
from yarnml.watch.history.recorder import record
from yarnml.watch.pace import pace
from yarnml.watch.runs import read_run

MAX_APPLICATIONS = 1000
"""Applications that are kept: of more the newest."""

_FILE = re.compile(r"(application_\d+_\d+)\.json")


class Registered(Struct, frozen=True):
    """The job that an application did.  ``folder``: the job's own."""

    folder: str


def register(application: str, folder: str) -> None:
    """Note the folder of an application's job; where that fails the job is sent all the same."""
    try:
        names = sorted(name for name in storage.names(_register()) if _FILE.fullmatch(name))
        for name in names[: len(names) + 1 - MAX_APPLICATIONS]:
            storage.remove_file(storage.join(_register(), name))
        with atomic.create(_url(application)) as beside:
            storage.write(beside, msgspec.json.encode(Registered(folder)))
    except (OSError, ValueError) as exc:
        log(f"warning: {application} can't be noted in {_register()}, so only its folder leads to its history: {exc}")


def folder_of(application: str) -> str:
    """Return the folder of an application's job; JobFileError where it is not in the register."""
    try:
        return msgspec.json.decode(storage.read(_url(application)), type=Registered).folder
    except (OSError, ValueError, msgspec.DecodeError) as exc:
        raise JobFileError(
            f"{application} is not among the last {MAX_APPLICATIONS} that you have submitted; give the folder of its "
            "job, its checkpoint.path."
        ) from exc


def recalled_status(application: str) -> Status | None:
    """The status of an application by its job's history; None where that is not known."""
    with suppress(JobFileError, HistoryError):
        folder = folder_of(application)
        run = read_run(folder)
        queue = str(run.job.get("queue", ""))
        first = run.entries[0].time
        last = run.entries[-1].time
        done = pace(run).share or 0.0
        note = f"The cluster does not know it any more; this is out of its history in {folder}."
        known = Application(
            application, run.name, identity.user(), queue, run.state.upper(), False, folder, note, first, last, done
        )
        return Status(known, training_status(entry.event for entry in run.entries), [])
    return None


def record_end(application: str, end: Failure) -> None:
    """Have the history of a killed application's job say so, which its master could not; nothing where it has none."""
    with suppress(JobFileError, OSError):
        record(folder_of(application), end)


def _register() -> str:
    return storage.join(home(), "applications")


def _url(application: str) -> str:
    return storage.join(_register(), f"{application}.json")
