"""The packages that travel where the job file names none: all that the job can need; a missed one is named."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.environments import BASE_PYTHON, PYTHON, Venv, container, names_in, start, with_python, write
from yarnml.clusters.yarn.packaging.extras import of_use
from yarnml.clusters.yarn.packaging.provision import Provision, provide
from yarnml.job.load import load_any
from yarnml.job.spec import Job

SITE = f"lib/{PYTHON}/site-packages/"
BASE = {"yarnml", "jax", "fsspec", "loose", "starts"}

KEY = """\
import sys
from yarnml.clusters.yarn.packaging.active import active_environment
from yarnml.clusters.yarn.packaging.archive import key_of
from yarnml.job.load import load_any

data = {"train": "/x", "features": ["x"], "label": "y"}
environment = active_environment(load_any({"name": "j", "data": data, "learner": {"kind": "mlp"}}), [], sys.argv[1])
assert environment.spare
print(*map(key_of, environment.archives.values()))
"""


@pytest.fixture
def rich(venv: Venv) -> Venv:
    """An environment with what yarnml requires, a plugin of it, and what nothing asks for."""
    venv.install("yarnml", {"yarnml/__init__.py": ""}, "jax", "fsspec", 'mlflow-skinny; extra == "mlflow"')
    venv.install("jax", {"jax/__init__.py": ""}, 'jax-cuda; extra == "cuda"')
    venv.install("fsspec", {"fsspec/__init__.py": ""})
    for name in ("torch", "s3fs", "engine", "mlflow-skinny"):
        module = name.removesuffix("-skinny")
        venv.install(name, {f"{module}/__init__.py": "n = 1\n", f"{module}/deep.py": "#" * 1_000_000})
    venv.install("shared-a", {"shared/a.py": ""})
    venv.install("shared-b", {"shared/b/__init__.py": ""})
    return venv


def sent(rich: Venv, job: Job, tmp_path: Path, code: str = "", packages: Any = "auto") -> tuple[Provision, list[str]]:
    """Provide for a job whose own module has this code; beside it the remarks."""
    write(tmp_path / "own.py", code)
    chosen = msgspec.structs.replace(job.environment, packages=packages, files=[str(tmp_path / "own.py")])
    remarks: list[str] = []
    job = msgspec.structs.replace(job, environment=chosen)
    return provide(job, str(tmp_path / "home"), remarks.append, rich.python), remarks


def packed(provision: Provision) -> set[str]:
    """The top-level modules that travel."""
    files = [name.removeprefix(SITE) for name in names_in(provision)]
    return {n.partition("/")[0].removesuffix(".py").removesuffix(".pth") for n in files if ".dist-info" not in n} - {
        "__pycache__",
        "00-yarnml",
        "yarnml_stayed",
        "yarnml_stayed.json",
    }


@pytest.mark.long
def test_what_yarnml_and_the_code_need(rich: Venv, job: Job, tmp_path: Path) -> None:
    """Requirements, imports, file systems of URLs, what is installed of extras, and plugins of what travels."""
    rich.install("flax", {"flax/__init__.py": ""}, 'engine; extra == "fast"', 'torch; extra == "test"')
    rich.install("grown", {"grown/__init__.py": ""}, entry_points__txt="[flax.layers]\na = grown:n\n")
    rich.install("jax-cuda", {"jax_plugins/cuda/__init__.py": ""}, "ptx")
    rich.install("ptx", {"ptx/__init__.py": ""})
    rich.install("nvidia-x", {"nvidia/x/__init__.py": ""})
    provision, remarks = sent(rich, job, tmp_path, "import flax\nread('s3://b/x')\n")
    light = packed(provision)
    assert light == BASE | {"flax", "s3fs", "engine", "grown", "jax_plugins", "ptx", "nvidia"}
    assert (
        "2 of the environment's 4 MB travel: what yarnml and the job's code need, by their metadata and imports; "
        "environment.packages: all sends everything."
    ) in remarks
    whole, remarks = sent(rich, job, tmp_path, "import flax\n", "all")
    assert packed(whole) >= light | {"torch", "mlflow", "shared", "tool"}
    assert not any("travel:" in text for text in remarks)
    added, _ = sent(rich, job, tmp_path, "", ["auto", "Shared_A"])
    assert packed(added) == BASE | {"shared", "jax_plugins", "ptx", "nvidia"}
    assert provision.resources["environment.zip"] == added.resources["environment.zip"]
    assert provision.resources["environment-more.zip"] != added.resources["environment-more.zip"]


@pytest.mark.long
def test_code_that_imports_whatever_it_likes(rich: Venv, job: Job, tmp_path: Path) -> None:
    """Then everything travels, with the line that did it."""
    provision, remarks = sent(rich, job, tmp_path, "\nexec(text)\n")
    assert provision.resources.keys() == {
        f"{part}.zip" for part in ("environment", "environment-jax", "environment-more", "code")
    }
    assert packed(provision) >= BASE | {"torch", "mlflow", "shared", "tool"}
    assert remarks[0] == (
        f"The whole environment travels, 4 MB: {tmp_path}/own.py:2 imports by a name that only the run knows, so it "
        "may need any of it."
    )


ASKS = """
import importlib.util, shared.a
assert importlib.util.find_spec("torch") is None
for name in ("torch", "torch.deep", "no_such", "shared.b"):
    try:
        __import__(name)
    except ModuleNotFoundError as exc:
        print(name, exc.name, exc)
"""


@pytest.mark.long
def test_who_misses_a_module_is_told(rich: Venv, job: Job, tmp_path: Path) -> None:
    """In a container: what to write for it, also where the code goes on without; and what nobody has is as ever."""
    chosen, _ = sent(rich, job, tmp_path, "", ["shared-a"])
    done = start(chosen, container(chosen, tmp_path / "c"), ASKS, with_python(tmp_path / "bin", BASE_PYTHON))
    assert done.returncode == 0, done.stderr

    def sentence(module: str, package: str) -> str:
        return (
            f"No module named '{module}': its package {package} is installed where the job was submitted, but did not "
            f"travel, for nothing names it; if the job needs it, set environment.packages: [auto, {package}]."
        )

    torch = sentence("torch", "torch")
    other = sentence("shared.b", "shared-b")
    assert done.stdout.splitlines() == [
        f"torch torch {torch}",
        f"torch.deep torch {torch}",
        "no_such no_such No module named 'no_such'",
        f"shared.b shared.b {other}",
    ]
    assert [line for line in done.stderr.splitlines() if line.startswith("No module")] == [torch, other]


LOGISTIC = {"learner": {"kind": "logistic"}, "data": {"train": "/x", "features": ["a"], "label": "b"}}
KEYED = {
    "learner": {"kind": "sparse_linear"},
    "data": {"train": "/x", "features": ["a"], "label": "b", "prepare": [{"kind": "key", "columns": ["a"]}]},
}
PICTURES = {
    "learner": {"kind": "cnn"},
    "data": {
        "train": "/x",
        "features": ["a"],
        "label": "b",
        "prepare": [{"kind": "image", "columns": ["a"], "height": 8, "width": 8}],
    },
}
PREDICT = {"predict": {"model": "/m", "data": "/x", "output": "/y"}}


@pytest.mark.parametrize(
    ("document", "extras"),
    [
        (LOGISTIC, set()),
        (LOGISTIC | {"monitor": {"mlflow": "http://host:5000"}}, {"mlflow"}),
        (LOGISTIC | {"learner": {"kind": "forest"}}, {"trees", "sparse"}),
        (KEYED, {"trees", "sparse"}),
        (PREDICT, {"trees", "sparse", "images"}),
        (PICTURES, {"images"}),
    ],
)
def test_extras_that_are_of_use(document: dict[str, Any], extras: set[str]) -> None:
    """Those that a kind of job can't import stay; one that nobody has thought of travels."""
    job = load_any({"name": "j", **document})
    asked = ("trees", "sparse", "mlflow", "sklearn", "onnx", "delta", "iceberg", "images", "test", "avro", "gpu", "new")
    assert {extra for extra in asked if of_use(extra, job)} == extras | {"avro", "gpu", "new"}


@pytest.mark.parametrize("kind", ["delta", "iceberg"])
def test_tables_with_versions_take_their_library(tmp_path: Path, kind: str) -> None:
    """The library of the table that the data is, and no other."""
    marks = {"delta": "_delta_log/0.json", "iceberg": "metadata/1.metadata.json"}
    write(tmp_path / marks[kind], "{}")
    job = load_any({"name": "j", **LOGISTIC, "data": {"train": str(tmp_path), "features": ["a"], "label": "b"}})
    assert {extra for extra in marks if of_use(extra, job)} == {kind}


def test_the_next_command_finds_the_archive(rich: Venv) -> None:
    """The key of what travels is that of every process, whatever the order of its sets."""
    rich.install("modules", {f"module_{n}.py": "" for n in range(9)})
    line = [sys.executable, "-c", KEY, rich.python]
    keys = {
        subprocess.run(
            line, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(keys) == 1
