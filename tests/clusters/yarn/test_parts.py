"""An environment in parts: what changes apart travels apart, the master has no JAX, and Python sees one environment."""

import os
from pathlib import Path

import msgspec
import pytest

from tests.environments import BASE_PYTHON, Venv, container, silent, start, with_python
from yarnml.clusters.yarn.application import specification
from yarnml.clusters.yarn.packaging.bootstrap import ENVIRONMENT, FURTHER, JAX
from yarnml.clusters.yarn.packaging.parts import divide
from yarnml.clusters.yarn.packaging.provision import Provision, provide
from yarnml.job.spec import Job

REQUIRED = {
    "yarnml": ["numpy", "jax", "optax"],
    "numpy": [],
    "jax": ["numpy", "jaxlib", "rings"],
    "jaxlib": ["numpy"],
    "optax": ["jax", "lists"],
    "rings": [],
    "lists": [],
    "flax": ["jax", "lists"],
    "torch": ["numpy", 'nvidia-a; extra == "gpu"'],
    "plugin": ["jaxlib", "nvidia-a"],
    "nvidia-a": [],
    "spaced": [],
}
CORE = {"yarnml", "numpy"}
OF_JAX = {"jax", "jaxlib", "optax", "rings", "lists"}
GPU = {"plugin", "nvidia-a"}


@pytest.mark.parametrize(
    ("more", "devices", "of_jax"),
    [
        (set(), set(), OF_JAX),
        ({"flax"}, set(), OF_JAX - {"lists"}),  # what another package requires the master may import, too
        (GPU, GPU, OF_JAX | GPU),
        (GPU | {"torch"}, GPU, set()),  # its libraries may look for NVIDIA's beside them
        ({"spaced"}, set(), OF_JAX - {"rings"}),  # of the same folder
    ],
)
def test_the_parts(more: set[str], devices: set[str], of_jax: set[str]) -> None:
    """The parts are what yarnml requires for itself, what only JAX requires, and the rest; no folder is divided."""
    names = CORE | OF_JAX | more
    tops = {name: {name} for name in names} | {"rings": {"shared"}, "spaced": {"shared"}}
    parts = divide(REQUIRED, names, devices, tops)
    assert {name for name, part in parts.items() if part == ENVIRONMENT} == CORE
    assert {name for name, part in parts.items() if part == JAX} == of_jax
    assert {name for name, part in parts.items() if part == FURTHER} == (OF_JAX | more) - of_jax


PROGRAM = """
import importlib.metadata, os, sys, yarnml, jax, one
assert importlib.metadata.version("jax") == importlib.metadata.version("one") == "1.0"
print(one.n, os.environ["ONE"], len(sys.path) == len(set(sys.path)))
"""

OF_A_MASTER = """
import importlib.metadata, importlib.util, yarnml, one
print(importlib.metadata.version("jax"), importlib.util.find_spec("jax"))
"""


@pytest.mark.long
def test_a_change_of_one_package(venv: Venv, job: Job, tmp_path: Path) -> None:
    """It stores its own part anew and leaves the others; workers see all of them as one, the master all but JAX."""
    venv.install("yarnml", {"yarnml/__init__.py": ""}, "jax")
    venv.install("jax", {"jax/__init__.py": ""})
    chosen = msgspec.structs.replace(job.environment, packages=["one"])
    job = msgspec.structs.replace(job, environment=chosen)

    def provided(number: int) -> Provision:
        venv.install("one", {"one.py": f"n = {number}\n", "one.pth": "import os; os.environ['ONE'] = 'yes'\n"})
        return provide(job, str(tmp_path / "home"), silent, venv.python)

    first = provided(1)
    second = provided(2)
    changed = {name for name in first.resources if first.resources[name] != second.resources[name]}
    assert first.resources.keys() == {f"{part}.zip" for part in (ENVIRONMENT, JAX, FURTHER)}
    assert changed == {f"{FURTHER}.zip"}
    application = specification(job, "job.json", "file:///home", second)
    assert application["services"]["worker"]["files"].keys() - application["master"]["files"].keys() == {f"{JAX}.zip"}
    folder = container(second, tmp_path / "c")
    path = with_python(tmp_path / "bin", BASE_PYTHON)
    done = start(second, folder, PROGRAM, path)
    assert done.stdout.split() == ["2", "yes", "True"], done.stderr
    os.remove(folder / f"{JAX}.zip")
    os.remove(folder / JAX)
    done = start(second, folder, OF_A_MASTER, path)
    assert done.stdout == "1.0 None\n", done.stderr
