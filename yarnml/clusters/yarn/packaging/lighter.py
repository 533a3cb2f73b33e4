"""A hint at a lighter environment: what of it yarnml and the user's code need, by their metadata and imports."""

import ast
import contextlib
import os
import warnings
from collections.abc import Iterable
from pathlib import Path

from yarnml.clusters.yarn.packaging.archive import Item
from yarnml.clusters.yarn.packaging.installed import Installed
from yarnml.clusters.yarn.packaging.needed import FIELD, Inventory, needed, whole_extras

LEAST_BYTES = 100 << 20
"""Size of what is not needed from which on it is worth a word."""

LEAST_SHARE = 0.2
"""The share of the environment that it must be."""

DEVELOPMENT = {"bench", "check", "examples", "test"}
"""Extras of yarnml that no job needs."""


def hint(installed: Installed, items: Iterable[Item], code: Iterable[Item], urls: Iterable[str]) -> str:
    """A sentence with the packages to name; empty where hardly anything would be left out.

    ``items``: the files of the environment.
    ``code``: the files that travel beside it.
    ``urls``: the places that the job names, whose file systems are packages of their own.
    """
    inventory = Inventory(installed.sites)
    if "yarnml" not in inventory.required:
        return ""
    extras = [extra for extra in whole_extras(inventory.required, "yarnml") if extra not in DEVELOPMENT]
    yarnml = f"yarnml[{','.join(extras)}]" if extras else "yarnml"
    modules = imported(item.path for item in code if item.path.endswith(".py") and "/yarnml/" not in item.name)
    used = sorted(inventory.providers(modules | _file_systems(urls)) - needed(inventory.required, [yarnml]))
    left = inventory.left_out([yarnml, *used])
    sizes = {item.path: os.path.getsize(item.path) for item in items if item.path}
    whole = sum(sizes.values())
    spare = sum(size for path, size in sizes.items() if path in left)
    if spare < max(LEAST_BYTES, LEAST_SHARE * whole):
        return ""
    names = ", ".join([f'"{yarnml}"', *used])
    return (
        f"{spare / 1e6:,.0f} MB of the environment's {whole / 1e6:,.0f} are needed neither by yarnml nor by what your "
        f"code imports; {FIELD}: [{names}] leaves them here, for a quicker first start."
    )


def imported(paths: Iterable[str]) -> set[str]:
    """The top-level modules that these files import, wherever in them; what is no valid Python imports nothing."""
    modules: set[str] = set()
    for path in paths:
        with contextlib.suppress(OSError, SyntaxError, ValueError), warnings.catch_warnings(action="ignore"):
            for node in ast.walk(ast.parse(Path(path).read_bytes())):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    modules.add(node.module.partition(".")[0])
    return modules


def _file_systems(urls: Iterable[str]) -> set[str]:
    """The top-level modules by which fsspec opens URLs of these kinds."""
    from fsspec.registry import known_implementations  # only where an environment is packed

    kinds = {url.partition("://")[0] for url in urls if "://" in url}
    return {known_implementations[kind]["class"].partition(".")[0] for kind in kinds & set(known_implementations)}
