"""The active environment as it travels: the files of the chosen packages, and the user's sources beside them."""

import os
import sys
from typing import NamedTuple

from yarnml.clusters.yarn.packaging import archive
from yarnml.clusters.yarn.packaging.archive import Item
from yarnml.clusters.yarn.packaging.installed import Installed, survey
from yarnml.clusters.yarn.packaging.needed import FIELD, Inventory
from yarnml.clusters.yarn.packaging.parts import archives
from yarnml.clusters.yarn.packaging.selection import Selection, select
from yarnml.errors import JobFileError
from yarnml.job.base import BaseJob

MOST_LOOSE = 1000
"""Number of modules without a package from which on they are not read for imports: then everything travels."""


class ActiveEnvironment(NamedTuple):
    """The active environment of a job.

    ``archives``: the files of its packages that travel, by the names of their archives.
    ``sources``: what editable installations and .pth files point to, by the folder that goes on the path.
    ``spare``: the paths of the files that stay.
    """

    installed: Installed
    selection: Selection
    archives: dict[str, list[Item]]
    sources: dict[str, list[Item]]
    spare: frozenset[str]

    def remark(self) -> str:
        """A sentence about what travels and what stays; empty where the user chose all, or nothing stays."""
        travelling = sum(os.path.getsize(item.path) for part in self.archives.values() for item in part if item.path)
        staying = sum(os.path.getsize(path) for path in self.spare if os.path.isfile(path))
        if staying:
            return (
                f"{travelling / 1e6:,.0f} of the environment's {(travelling + staying) / 1e6:,.0f} MB travel: "
                f"{self.selection.reason}; {FIELD}: all sends everything."
            )
        if self.selection.reason:
            return f"The whole environment travels, {travelling / 1e6:,.0f} MB: {self.selection.reason}."
        return ""


def active_environment(job: BaseJob, own: list[Item], python: str) -> ActiveEnvironment:
    """Choose what travels of an interpreter's environment; ``own``: the code that travels with the job.

    Raises JobFileError for an environment that can't travel, or a package that it does not have.
    """
    installed = _checked(survey(python))
    sources = archive.source_items(installed)
    selection = Selection(None)
    spare: frozenset[str] = frozenset()
    absent: dict[str, str] = {}
    parts: dict[str, str] = {}
    if job.environment.packages != "all":  # for which no metadata has to be read
        inventory = Inventory(installed.sites)
        selection = _selection(inventory, installed, job, [*own, *(item for part in sources.values() for item in part)])
        parts = inventory.by_file(selection.parts)
        if selection.names is not None:
            spare = inventory.left_out(selection.names)
            absent = inventory.absent(selection.names)
    items = archive.site_items(installed, spare, absent)
    _check_yarnml(installed, items, sources)
    divided = archives(items, parts, archive.site_name(installed))
    return ActiveEnvironment(installed, selection, divided, sources, spare)


def describe(job: BaseJob) -> str:
    """A sentence about what of the active environment would travel; empty where all of it or nothing of it does."""
    if job.environment.ways:
        return ""
    return active_environment(job, archive.own_items(job.modules), sys.executable).remark()


def _selection(inventory: Inventory, installed: Installed, job: BaseJob, code: list[Item]) -> Selection:
    chosen = job.environment.packages
    if "yarnml" not in inventory.required and chosen == "auto":
        return Selection(None)  # no metadata tells what it needs
    owned = inventory.owned
    unowned = (path for folder in installed.sites for path in archive.site_files(folder, owned))
    loose = [path for path in unowned if path.endswith((".py", ".pth"))]
    if "auto" in chosen and len(loose) > MOST_LOOSE:
        return Selection(None, f"{len(loose)} of its modules belong to no package")
    sources = [item.path for item in code if item.path.endswith(".py") and "/yarnml/" not in item.name]
    return select(inventory, job, [*sources, *loose])


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


def _check_yarnml(installed: Installed, items: list[Item], sources: dict[str, list[Item]]) -> None:
    packed = [*items, *(item for part in sources.values() for item in part)]
    if not any(item.name.endswith("/yarnml/__init__.py") for item in packed):
        raise JobFileError(
            f"The active environment {installed.prefix} has no yarnml of its own to send to the nodes; "
            "install yarnml into it with pip."
        )
