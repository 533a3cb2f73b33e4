"""The parts of an environment, each an archive with a key of its own.

What changes apart is stored, fetched and unpacked apart: a job of another kind, or another version of one package,
packs anew only the part that it concerns.  The master computes nothing, so it starts without waiting for JAX.
"""

from collections.abc import Iterable, Mapping, Set

from yarnml.clusters.yarn.packaging.archive import Item
from yarnml.clusters.yarn.packaging.bootstrap import ENVIRONMENT, FURTHER, JAX
from yarnml.clusters.yarn.packaging.needed import needed, with_extras
from yarnml.clusters.yarn.packaging.stayed import MODULE

_OF_JAX = frozenset({"jax", "jaxlib", "optax"})
_ORDER = (ENVIRONMENT, FURTHER, JAX)  # by who has it: everybody, and workers and reducers alone


def divide(
    required: Mapping[str, Iterable[str]], names: Set[str], devices: Set[str], tops: Mapping[str, Set[str]]
) -> dict[str, str]:
    """The part of each package that travels: of yarnml's own requirements, of JAX's alone, or of all others.

    What shares a folder is in one part, as only packages without an ``__init__.py`` may lie in several.

    ``required``: by the name of each distribution that is installed, its requirements.
    ``names``: of those that travel.
    ``devices``: of those with code for JAX's devices.
    ``tops``: the top-level names of each one's files.
    """
    without = {name: texts for name, texts in required.items() if name not in _OF_JAX | devices}
    core = needed(without, ["yarnml"])
    computing = (needed(required, (_OF_JAX & names) | devices) | devices) - core
    further = names - core - computing
    shared = needed(required, [with_extras(required, name) for name in further]) - core
    if not devices.isdisjoint(shared):  # libraries find each other by their place
        computing = set()
    else:
        computing -= needed(without, [with_extras(without, name) for name in further])
    ranks = {name: 0 if name in core else 2 if name in computing else 1 for name in names}
    while (together := _together(ranks, tops)) != ranks:
        ranks = together
    return {name: _ORDER[rank] for name, rank in ranks.items()}


def archives(items: Iterable[Item], parts: Mapping[str, str], site: str) -> dict[str, list[Item]]:
    """The items of each archive, by its name; those of no package are in the first.

    ``parts``: the part of a file, by its path.
    ``site``: the folder of the first site-packages in an archive: what lies in others keeps its rank behind them all.
    """
    divided: dict[str, list[Item]] = {ENVIRONMENT: []}
    for item in items:
        inside = item.name.removeprefix(f"{site}/") if item.name.startswith(f"{site}/") else ""
        part = parts.get(item.path, ENVIRONMENT) if inside else ENVIRONMENT
        listed = parts and inside.startswith(MODULE)  # what stayed differs from job to job
        described = part == JAX and inside.partition("/")[0].endswith(".dist-info")  # versions, which the master notes
        divided.setdefault(FURTHER if listed or described else part, []).append(item)
    return divided


def _together(ranks: Mapping[str, int], tops: Mapping[str, Set[str]]) -> dict[str, int]:
    """The ranks after one look at who shares a top-level name."""
    lowest: dict[str, int] = {}
    for name, rank in ranks.items():
        for top in tops[name]:
            lowest[top] = min(rank, lowest.get(top, rank))
    return {name: min([rank, *(lowest[top] for top in tops[name])]) for name, rank in ranks.items()}
