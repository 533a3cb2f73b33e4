"""Small virtual environments and containers for the tests of packing: real ones, made in milliseconds."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests import xla
from yarnml.clusters.yarn.packaging.provision import CODE, VARIABLES, Provision

VERSION = "{}.{}".format(*sys.version_info)
PYTHON = f"python{VERSION}"
BASE_PYTHON = str(Path(sys._base_executable))  # type: ignore[attr-defined]  # not that of the environment
BARE = "/usr/bin:/bin"  # a node's PATH
ROOT = Path(__file__).parent.parent


class Venv:
    """A virtual environment without pip, into which `install` puts packages as pip does."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.python = str(folder / "bin/python")
        self.site = folder / f"lib/{PYTHON}/site-packages"

    def install(self, name: str, files: dict[str, str], *requires: str, **metadata: str) -> None:
        """Write files and a dist-info with their RECORD; ``metadata``: further files of it, dots as two underscores."""
        info = f"{name}-1.0.dist-info"
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {r}" for r in requires)]
        files = files | {f"{info}/METADATA": "\n".join(lines) + "\n"}
        files |= {f"{info}/{n.replace('__', '.')}": text for n, text in metadata.items()}
        lines = []
        for path, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
            write(self.site / path, text)
            lines.append(f"{path},sha256={digest},{len(text)}\n")
        write(self.site / info / "RECORD", "".join([*lines, f"{info}/RECORD,,\n"]))

    def install_editable(self, name: str, pth: str, top_level: str = "") -> None:
        """An installation that points elsewhere, as pip's --editable makes it."""
        direct = json.dumps({"url": "file:///somewhere", "dir_info": {"editable": True}})
        self.install(name, {f"__editable__.{name}.pth": pth}, direct_url__json=direct, top_level__txt=top_level)

    def install_yarnml(self) -> None:
        """The yarnml of this checkout with all that it needs and nothing else, by links to what is installed here."""
        for name in needed("yarnml") - {"yarnml"}:
            for top in {file.parts[0] for file in distribution(name).files or []} - {"..", "__pycache__"}:
                if not (self.site / top).exists():
                    (self.site / top).symlink_to(str(distribution(name).locate_file(top)))
        paths = [path for package in ("yarnml", "appspec") for path in (ROOT / package).rglob("*") if path.is_file()]
        sources = [path for path in paths if path.parent.name != "__pycache__"]  # where numba's machine code lies, too
        files = {str(path.relative_to(ROOT)): path.read_text() for path in sources}
        self.install("yarnml", files, *(distribution("yarnml").requires or []))


def needed(name: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
    """The names of a distribution and of all that it requires, without extras."""
    known |= {name}
    for requirement in map(Requirement, distribution(name).requires or []):
        if requirement.name not in known and (not requirement.marker or requirement.marker.evaluate({"extra": ""})):
            known = needed(requirement.name, known)
    return known


def silent(text: str) -> None:
    """Take a remark and show it to nobody."""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def container(provision: Provision, folder: Path) -> Path:
    """A working folder as YARN lays it out: archives unpacked under their name, everything read-only, links to it."""
    cache = folder.with_name(folder.name + "-cache")
    folder.mkdir()
    for name, resource in provision.resources.items():
        place = cache / name
        if resource.kind == "archive":
            place.mkdir(parents=True)
            shutil.unpack_archive(resource.url, place)
        else:
            cache.mkdir(exist_ok=True)
            shutil.copyfile(resource.url, place)
        subprocess.run(["chmod", "-R", "a=rX", place], check=True)
        if resource.kind == "file":
            place.chmod(0o555)
        os.symlink(place, folder / name)
    return folder


def start(provision: Provision, folder: Path, program: str, path: str = BARE) -> "subprocess.CompletedProcess[str]":
    """Run a Python program in a container, by bash in its strictest mode, with a node's bare environment."""
    write(folder / "program.py", program)
    write(folder / VARIABLES, provision.secret)
    variables = {"PATH": path, "NM_HOST": "node-7"} | xla.QUICK | provision.variables
    line = f"set -eu\n{provision.prelude}\nexec {provision.python} program.py\n"
    return subprocess.run(["bash", "-c", line], cwd=folder, env=variables, capture_output=True, text=True, timeout=60)


def with_python(folder: Path, target: str | Path) -> str:
    """A PATH on which the name of this Python leads to ``target``."""
    folder.mkdir()
    os.symlink(target, folder / PYTHON)
    return f"{folder}:{BARE}"


def names_in(provision: Provision) -> list[str]:
    """The names of the files in the small archives of an environment."""
    return [name for part, stored in provision.resources.items() if part != f"{CODE}.zip" for name in names(stored.url)]


def names(archive: str) -> list[str]:
    """The names of the files in an archive of yarnml's, a small one."""
    with zipfile.ZipFile(archive) as packed:
        blocks = [packed.read(name) for name in packed.namelist() if name.startswith("blocks/")]
    return [entry[0] for block in blocks for entry in json.loads(zlib.decompress(block).partition(b"\n")[0])]
