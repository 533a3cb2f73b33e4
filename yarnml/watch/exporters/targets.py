"""The addresses of running jobs for Prometheus: a file in the folder of each, and one that has those of many."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from yarnml import storage
from yarnml.errors import HistoryError, translated
from yarnml.events.log import log
from yarnml.events.text import count_of
from yarnml.job import paths
from yarnml.storage import atomic, local
from yarnml.watch.runs import run_folders

METRICS_PATH = "__metrics_path__"
"""The label by which Prometheus knows the path of a target."""


class Group(Struct, frozen=True):
    """Targets as Prometheus' file discovery reads them: addresses, and the labels that they have in common."""

    targets: Annotated[list[str], Meta(min_length=1)]
    labels: dict[str, str]


class TargetsFile:
    """The file in a job's folder by which Prometheus finds the job, as long as it runs."""

    def __init__(self, folder: str) -> None:
        self._url = paths.targets(folder)
        self._content = b""

    def write(self, job: str, target: str, path: str) -> None:
        """Tell where the metrics are; without a storage the log says so."""
        self._content = msgspec.json.encode([Group([target], {"job": job, METRICS_PATH: path})])
        try:
            atomic.write(self._url, self._content, self._url + ".tmp")
        except (OSError, ValueError) as exc:
            log(f"warning: {self._url} can't be written, so that Prometheus can't find this job: {exc}")

    def remove(self) -> None:
        """Have Prometheus look no more, unless a newer run of the job has written the file by now.

        Where the storage is away the file stays for the job's next run.
        """
        try:
            if storage.exists(self._url) and storage.read(self._url) == self._content:
                storage.remove_file(self._url)
        except (OSError, ValueError) as exc:
            log(f"warning: {self._url} can't be removed: {exc}")


def collect_targets(folders: Iterable[str], output: str) -> str:
    """Write the targets of the jobs in these folders and below into one file; a sentence about it."""
    groups = [group for top in folders for folder in run_folders(top) for group in _read(folder)]
    path = Path(output).absolute()
    with translated(HistoryError, f"The targets can't be written to {path}"):
        local.write(str(path), msgspec.json.encode(groups))
    return f"{path}: {count_of(len(groups), 'job')}"


def _read(folder: str) -> list[Group]:
    """The targets of one job; none where it does not run, or its file is another program's."""
    try:
        return msgspec.json.decode(storage.read(paths.targets(folder)), type=list[Group])
    except (OSError, ValueError, msgspec.DecodeError):
        return []
