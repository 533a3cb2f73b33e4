"""The packed environment: its key sees what it holds, it is packed once, and it runs on a node as it ran here."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.environments import BASE_PYTHON, PYTHON, VERSION, Venv, container, names, silent, start, with_python, write
from tests.hadoop import Hadoop
from yarnml import storage
from yarnml.clusters.yarn.packaging import bootstrap, pack
from yarnml.clusters.yarn.packaging.archive import key_of, site_items, source_items
from yarnml.clusters.yarn.packaging.installed import survey
from yarnml.clusters.yarn.packaging.provision import Provision, Resource, provide
from yarnml.errors import JobFileError, ProvisionError
from yarnml.job.spec import Job

pytestmark = pytest.mark.long


def key(venv: Venv) -> str:
    return key_of(site_items(survey(venv.python)))


EDITS: dict[str, Callable[[Path], object]] = {
    "of the same length": lambda site: write(site / "tool/__init__.py", "n = 9\n"),
    "of data": lambda site: write(site / "tool/data.txt", "more text"),
    "of a module in no RECORD": lambda site: write(site / "loose.py", "n = 9\n"),
    "of a .pth file": lambda site: write(site / "starts.pth", ""),
    "a new file": lambda site: write(site / "tool/new.py", ""),
    "a lost file": lambda site: (site / "tool/data.txt").unlink(),
}


@pytest.mark.parametrize("edit", EDITS)
def test_the_key_sees_every_edit(venv: Venv, edit: str) -> None:
    """Whatever is edited in the environment, by whatever means, makes another key."""
    before = key(venv)
    assert key(venv) == before
    EDITS[edit](venv.site)
    assert key(venv) != before


def test_the_key_is_of_the_content_alone(venv: Venv, tmp_path: Path) -> None:
    """A copy with other times, other bytecode and at another place has the same key."""
    subprocess.run([venv.python, "-c", "import tool"], check=True)
    other = Venv(tmp_path / "other")
    shutil.copytree(venv.site, other.site, dirs_exist_ok=True, copy_function=shutil.copyfile)
    shutil.rmtree(other.site / "tool/__pycache__", ignore_errors=True)
    os.utime(other.site / "tool/data.txt", (2e9, 2e9))
    assert key(other) == key(venv)


def test_this_environment_can_be_packed() -> None:
    """The environment of these tests, a real one, has yarnml and JAX, whichever way they are installed."""
    installed = survey()
    packed = [*site_items(installed), *(item for part in source_items(installed).values() for item in part)]
    for module in ("yarnml", "jax", "optax", "skein"):
        assert any(item.name.endswith(f"/{module}/__init__.py") for item in packed), module
    assert not any("__pycache__" in item.name or "/.git/" in item.name for item in packed)


def test_the_packed_environment_runs_as_the_original(venv: Venv, job: Job, tmp_path: Path) -> None:
    """On a node: the packages, their data, entry points and .pth files, and nothing of the node's own packages."""
    subprocess.run([venv.python, "-c", "import loose"], check=True)  # bytecode beside it, which is converted
    provision = provide(job, str(tmp_path / "home"), silent, venv.python)
    program = """
import importlib.metadata, importlib.resources, os, sys, loose, tool, yarnml
print(tool.n, loose.n, yarnml.__version__, os.environ["STARTED"])
print(importlib.resources.files("tool").joinpath("data.txt").read_text())
print(importlib.metadata.entry_points(group="things")["a"].load(), importlib.metadata.version("tool"))
print([p for p in sys.path if "packages" in p and not p.startswith(os.getcwd())])
"""
    done = start(provision, container(provision, tmp_path / "c"), program, with_python(tmp_path / "bin", BASE_PYTHON))
    assert done.stderr.startswith("Unpacked environment.zip in ")
    assert done.stderr.count("\n") == 1
    assert done.stdout.splitlines() == ["1 2 0.1.0 yes", "text", "1 1.0", "[]"]


def test_bytecode_is_never_checked_and_never_missing(venv: Venv, job: Job, tmp_path: Path) -> None:
    """Every module but a test has unchecked bytecode; what is no valid Python travels without."""
    subprocess.run([venv.python, "-c", "import loose"], check=True)
    provision = provide(job, str(tmp_path / "home"), silent, venv.python)
    folder = container(provision, tmp_path / "c")
    assert start(provision, folder, "", with_python(tmp_path / "bin", BASE_PYTHON)).returncode == 0
    site = folder / f"environment/lib/{PYTHON}/site-packages"
    cached = sorted(site.rglob("*.pyc"))
    assert [c.relative_to(site).parts[0] for c in cached] == ["__pycache__", "tool", "yarnml"]
    assert all(c.read_bytes()[4:8] == b"\1\0\0\0" for c in cached)


def test_a_second_submit_packs_nothing(venv: Venv, job: Job, tmp_path: Path) -> None:
    """An archive that is stored under its key is used again and left untouched; an edit stores a second one beside."""
    home = tmp_path / "home"
    remarks: list[str] = []

    def stored() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}

    first = provide(job, str(home), remarks.append, venv.python)
    before = stored()
    assert len(before) == 1
    assert [line.split()[0] for line in remarks] == ["Packed", "Stored"]
    remarks.clear()
    assert provide(job, str(home), remarks.append, venv.python) == first
    assert stored() == before
    assert [line.split(":")[0] for line in remarks] == ["Stored already"]
    write(venv.site / "loose.py", "n = 3\n")
    provide(job, str(home), silent, venv.python)
    assert len(stored()) == 2


def test_two_submits_at_once(venv: Venv, job: Job, tmp_path: Path) -> None:
    """Both get the same whole archive, and no half-written one stays."""
    urls: list[str] = []

    def submit() -> None:
        urls.append(provide(job, str(tmp_path / "home"), silent, venv.python).resources["environment.zip"].url)

    threads = [threading.Thread(target=submit) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(urls) == 3
    assert [str(p) for p in (tmp_path / "home").rglob("*") if p.is_file()] == list(set(urls))
    assert f"lib/{PYTHON}/site-packages/tool/data.txt" in names(urls[0])


def test_storage_that_cant_be_written_is_named(venv: Venv, job: Job, tmp_path: Path) -> None:
    """A folder that can't be had is one sentence, not a traceback."""
    write(tmp_path / "home", "a file")
    with pytest.raises(ProvisionError, match=r"^.*/home can't be used: .*File exists"):
        provide(job, str(tmp_path / "home"), silent, venv.python)


def test_a_source_folder_travels_without_what_lies_beside(venv: Venv, job: Job, tmp_path: Path) -> None:
    """Modules and packages of an editable installation travel with their data; no .git, data folder or environment."""
    source = tmp_path / "project"
    for name in ("mine/__init__.py", "mine/table.json", "mine/.hidden", "space/part/__init__.py", "single.py"):
        write(source / name, "")
    for name in (".git/config", "data/big.bin", "docs/page.md", ".venv/lib/x.py", "env/pyvenv.cfg", "env/lib/y.py"):
        write(source / name, "")
    venv.install_editable("project", str(source))
    provision = provide(job, str(tmp_path / "home"), silent, venv.python)
    files = [n for n in names(provision.resources["code.zip"].url) if not n.endswith(".pyc")]
    assert files == [
        f"path0/{n}" for n in ("mine/__init__.py", "mine/table.json", "single.py", "space/part/__init__.py")
    ]
    done = start(
        provision,
        container(provision, tmp_path / "c"),
        "import mine, single, space.part; print(mine.__file__)",
        with_python(tmp_path / "bin", BASE_PYTHON),
    )
    assert done.stdout.strip().endswith("/code/path0/mine/__init__.py"), done.stderr


def test_an_edited_source_leaves_the_large_archive_alone(venv: Venv, job: Job, tmp_path: Path) -> None:
    """Editing an editable installation stores its small archive anew, and not the environment."""
    write(tmp_path / "project/mine/__init__.py", "n = 1\n")
    venv.install_editable("project", str(tmp_path / "project"))
    first = provide(job, str(tmp_path / "home"), silent, venv.python).resources
    write(tmp_path / "project/mine/__init__.py", "n = 2\n")
    second = provide(job, str(tmp_path / "home"), silent, venv.python).resources
    assert first["environment.zip"] == second["environment.zip"]
    assert first["code.zip"] != second["code.zip"]


def test_an_editable_installation_without_modules_is_refused(venv: Venv, job: Job, tmp_path: Path) -> None:
    """One whose folder is gone would fail on every node; it is named here."""
    venv.install_editable("project", str(tmp_path / "gone"))
    with pytest.raises(JobFileError, match=r"modules of project, an editable installation in .* can't be found"):
        provide(job, str(tmp_path / "home"), silent, venv.python)


def test_an_environment_without_yarnml_is_refused(job: Job, tmp_path: Path) -> None:
    """Workers are yarnml: an environment without it is of no use on a node."""
    with pytest.raises(JobFileError, match=r"The active environment .*/empty has no yarnml"):
        provide(job, str(tmp_path / "home"), silent, Venv(tmp_path / "empty").python)


def test_a_conda_environment_is_refused(venv: Venv, job: Job, tmp_path: Path) -> None:
    """Its packages need libraries outside of site-packages: conda-pack is the way."""
    (tmp_path / "venv/conda-meta").mkdir()
    with pytest.raises(JobFileError, match=r"is conda's.*pack it with conda-pack and set environment.archive"):
        provide(job, str(tmp_path / "home"), silent, venv.python)


def test_system_packages_travel_behind_the_environment_s_own(venv: Venv, job: Job, tmp_path: Path) -> None:
    """With --system-site-packages the base's packages are packed too, and keep their rank."""
    base = Venv(tmp_path / "base")
    base.install("low", {"low.py": "n = 5\n", "loose.py": "n = 6\n"})
    write(tmp_path / "venv/pyvenv.cfg", f"home = {Path(BASE_PYTHON).parent}\n")
    installed = survey(venv.python)
    assert str(venv.site) in installed.sites
    assert len(installed.sites) >= 2
    items = site_items(installed._replace(sites=[str(venv.site), str(base.site)]))
    with (tmp_path / "packed.zip").open("wb") as out:
        pack.write(items, out)
    packed = Resource(str(tmp_path / "packed.zip"), "file")
    lines = bootstrap.packed(PYTHON, VERSION, os.uname().machine)
    provision = Provision({"environment.zip": packed}, '"$PYTHON"', lines, {})
    program = "import loose, low, tool; print(loose.n, low.n, tool.n)"
    done = start(provision, container(provision, tmp_path / "c"), program, with_python(tmp_path / "bin", BASE_PYTHON))
    assert done.stdout == "2 5 1\n", done.stderr


@pytest.mark.cluster("yarn")
def test_on_hdfs(venv: Venv, job: Job, hadoop: Hadoop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stored whole on a real HDFS, once, with nothing beside; a folder without permission is one sentence."""
    for name, value in hadoop.environment.items():
        monkeypatch.setenv(name, value)
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    home = f"{hadoop.hdfs}/user/{user}/.yarnml-{os.getpid()}"
    said: list[str] = []
    url = provide(job, home, said.append, venv.python).resources["environment.zip"].url
    provide(job, home, said.append, venv.python)
    assert [line.split()[0:2] for line in said][2] == ["Stored", "already:"]
    assert storage.names(f"{home}/environments") == [url.rpartition("/")[2]]
    (tmp_path / "fetched.zip").write_bytes(storage.read(url))
    assert f"lib/{PYTHON}/site-packages/tool/data.txt" in names(str(tmp_path / "fetched.zip"))
    storage.remove(home)
    with pytest.raises(ProvisionError, match="can't be used: Permission denied"):
        provide(job, f"{hadoop.hdfs}/not-mine", silent, venv.python)
