"""The selection of an environment's packages that travel with a job, by ``environment.packages``.

By default that is what yarnml needs for the job, and what the user's code imports, each with all that it requires and
can make use of, and the plugins of these.  Code that imports by names which only the run knows takes everything along.
"""

from collections.abc import Iterable, Mapping, Set
from types import MappingProxyType
from typing import NamedTuple

from yarnml.clusters.yarn.packaging.extras import of_use
from yarnml.clusters.yarn.packaging.imports import imports_of
from yarnml.clusters.yarn.packaging.needed import Inventory, needed, whole_extras, with_extras
from yarnml.clusters.yarn.packaging.parts import divide
from yarnml.job.base import BaseJob

GPU_PLUGINS = "jax_plugins"
"""The package in which the plugins of JAX lie, with the code for a kind of device."""

OF_USE_FOR_JAX = frozenset({"jax", "cloudpickle", "etils"})
"""JAX with its extras, and what it looks for in every process without a word in its metadata."""


class Selection(NamedTuple):
    """The packages that travel with a job.

    ``names``: of their distributions; None for all that are installed.
    ``reason``: why these; empty where the user asked for all.
    ``parts``: the archive of each; empty where all are in one.
    """

    names: frozenset[str] | None
    reason: str = ""
    parts: Mapping[str, str] = MappingProxyType({})


def select(inventory: Inventory, job: BaseJob, code: Iterable[str]) -> Selection:
    """Choose the packages of a job that does not take all; ``code``: the files of the user's that may import them.

    Raises JobFileError for a package that is not installed.
    """
    chosen = job.environment.packages
    listed = [chosen] if isinstance(chosen, str) else chosen
    names = needed(inventory.required, ["yarnml", *(name for name in listed if name != "auto")])
    if "auto" not in listed:
        reason = "what environment.packages names, and what that requires"
        return Selection(frozenset(names), reason, _parts(inventory, names))
    imports = imports_of(code)
    if imports.dynamic:
        reason = f"{imports.dynamic} imports by a name that only the run knows, so it may need any of it"
        return Selection(None, reason, _parts(inventory, inventory.required.keys()))
    schemes = {url.partition("://")[0] for url in job.urls.values() if "://" in url} | imports.schemes
    opened = inventory.providers(_file_systems(schemes))
    names |= needed(inventory.required, [_yarnml(inventory, job), *opened])
    used = inventory.providers(imports.modules) - {"yarnml"}
    devices = _devices(inventory)
    direct = (OF_USE_FOR_JAX & inventory.required.keys()) | used | devices | (inventory.editable - {"yarnml"})
    names |= needed(inventory.required, [with_extras(inventory.required, name) for name in direct])
    while plugins := inventory.plugins(names):
        names |= needed(inventory.required, plugins)
    reason = "what yarnml and the job's code need, by their metadata and imports"
    return Selection(frozenset(names), reason, _parts(inventory, names))


def _parts(inventory: Inventory, names: Set[str]) -> dict[str, str]:
    """The archive of each of these packages."""
    return divide(inventory.required, names, _devices(inventory) & names, inventory.tops)


def _devices(inventory: Inventory) -> set[str]:
    """The distributions with code for JAX's devices."""
    plugins = inventory.providers({GPU_PLUGINS})
    return plugins | inventory.providers({"nvidia"}) if plugins else plugins


def _yarnml(inventory: Inventory, job: BaseJob) -> str:
    """The requirement of yarnml with the extras that are installed and of use for the job."""
    extras = [extra for extra in whole_extras(inventory.required, "yarnml") if of_use(extra, job)]
    return f"yarnml[{','.join(extras)}]" if extras else "yarnml"


def _file_systems(schemes: Set[str]) -> set[str]:
    """The top-level modules by which fsspec opens URLs of these kinds."""
    from fsspec.registry import known_implementations

    return {
        known_implementations[scheme]["class"].partition(".")[0] for scheme in schemes & known_implementations.keys()
    }
