"""The packages that a job names travel with all that they require, and nothing else that is installed does."""

from pathlib import Path

import msgspec
import pytest

from tests.environments import PYTHON, Venv, names_in, silent
from yarnml.clusters.yarn.packaging.installed import survey
from yarnml.clusters.yarn.packaging.needed import Inventory, needed, whole_extras, with_extras
from yarnml.clusters.yarn.packaging.provision import provide
from yarnml.errors import JobFileError
from yarnml.job.spec import Job

REQUIRED = {
    "yarnml": ["numpy>=1", "JAX", 'numba; extra == "trees"', 'old; python_version < "3"', "not-installed"],
    "jax": ["numpy", "a_ring[more]"],
    "a-ring": ["jax", 'far; extra == "more"'],
    "numpy": [],
    "numba": ["numpy"],
    "far": [],
    "old": [],
    "torch": ["numpy"],
}
CORE = {"yarnml", "numpy", "jax", "a-ring", "far"}


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (["numpy"], {"numpy"}),
        (["yarnml"], CORE),
        (["yarnml[trees]"], CORE | {"numba"}),
        (["yarnml", "Yarnml[trees]"], CORE | {"numba"}),
        (["yarnml", "torch"], CORE | {"torch"}),
        (["A.Ring"], {"a-ring", "jax", "numpy", "far"}),
    ],
)
def test_what_is_needed(chosen: list[str], names: set[str]) -> None:
    """Requirements of requirements, of extras that are asked for, and those that this Python has; names in any form."""
    assert needed(REQUIRED, chosen) == names


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ("pandas", "environment.packages: pandas is not installed in the active environment; pip install it."),
        ("a b", "environment.packages: 'a b' is no package; expected a name such as yarnml[trees]."),
    ],
)
def test_what_is_no_package_is_named(chosen: str, sentence: str) -> None:
    """A name that nothing installed has, and a text that is no name."""
    with pytest.raises(JobFileError) as caught:
        needed(REQUIRED, [chosen])
    assert str(caught.value) == sentence


@pytest.mark.long
def test_only_these_travel(venv: Venv, job: Job, tmp_path: Path) -> None:
    """The named package with yarnml, which nobody has to name, and what no package has; but not another one."""
    venv.install("other", {"other.py": "", "shared.py": ""})
    venv.install("named", {"named.py": "", "shared.py": ""})
    document = msgspec.structs.replace(job.environment, packages=["named"])
    chosen = msgspec.structs.replace(job, environment=document)
    provision = provide(chosen, str(tmp_path / "home"), silent, venv.python)
    base = f"lib/{PYTHON}/site-packages/"
    packed = {name.removeprefix(base) for name in names_in(provision)}
    assert {"yarnml/__init__.py", "named.py", "shared.py", "loose.py", "starts.pth"} <= packed
    assert not {name for name in packed if name.startswith(("other", "tool"))}


@pytest.mark.long
def test_metadata_of_all_ages(venv: Venv, tmp_path: Path) -> None:
    """A requirement by older rules counts by its name, a torn folder not at all; shadowed packages and tests stay."""
    venv.install("old", {"old.py": ""}, "named (>dev)", "???")
    venv.install("named", {"named.py": "", "numpy/x/tests/test.py": "", "other/tests/test.py": ""})
    (venv.site / "torn-1.0.dist-info").mkdir()
    venv.install("latin", {"latin.py": ""})
    (venv.site / "latin-1.0.dist-info/METADATA").write_bytes(b"Name: latin\nAuthor: Andr\xe9\n")
    venv.install("odd", {"odd.py": ""})
    (metadata,) = venv.site.glob("odd-*.dist-info")
    (metadata / "direct_url.json").write_text("{")
    (metadata / "RECORD").write_bytes(b"\xff,,\n")
    below = Venv(tmp_path / "below")
    below.install("named", {"named.py": "", "older.py": ""})
    inventory = Inventory([str(venv.site), str(below.site)])
    assert needed(inventory.required, ["old"]) == {"old", "named"}
    assert inventory.required.keys() == {"yarnml", "tool", "old", "named", "odd"}
    assert not [path for path in inventory.owned if path.endswith("odd.py")]
    assert not survey(venv.python).missing
    left = {Path(path).relative_to(tmp_path) for path in inventory.left_out(["old", "named", "yarnml"])}
    spare = {str(path).partition("site-packages/")[2] for path in left if path.parts[0] == "below"}
    assert {"named.py", "older.py"} <= spare
    assert not any(path.parent.name == "site-packages" for path in left if path.parts[0] == "venv")
    assert {path.parts[-4] for path in left if path.name == "test.py"} == {"numpy"}


def test_extras_that_are_whole() -> None:
    """Those of which everything is installed, and not those of another Python."""
    required = REQUIRED | {"yarnml": [*REQUIRED["yarnml"], 'gone; extra == "images"', 'jax; extra == "images"']}
    assert whole_extras(required, "yarnml") == ["trees"]


def test_extras_that_a_package_can_make_use_of() -> None:
    """All but those for who works on it, whether something of them is installed or not."""
    required = {
        "tables": ['engine; extra == "fast"', 'pytest; extra == "test"', 'x; extra == "all" or extra == "fast"']
    }
    assert with_extras(required, "tables") == "tables[all,fast]"
    assert needed(required | {"engine": []}, ["tables[all,fast]"]) == {"tables", "engine"}
    assert with_extras(REQUIRED, "jax") == "jax"
