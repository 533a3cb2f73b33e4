"""Java options of Skein's driver, which every command on YARN starts: with its classes kept ready in an archive.

The first cluster of a machine has a driver write the archive as it ends; later drivers map it in the place of
reading and linking 5,000 classes, which is a third of their work.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from filelock import FileLock

from tests.hadoop.cluster import HOME
from tests.hadoop.configuration import QUICK_JAVA
from yarnml.clusters.yarn.skein_import import skein

OPTIONS = "SKEIN_DRIVER_JAVA_OPTIONS"

_USE_DRIVER = """\
import sys
from yarnml.clusters.yarn.skein_import import skein

with skein.Client(log=False, java_options=sys.argv[1:]) as client:
    client.get_applications()
    client.get_nodes()
"""


def driver_options(environment: dict[str, Any]) -> str:
    """Options for `OPTIONS`, before those that it has already.

    ``environment``: the variables of a user of a running cluster.
    """
    archive = HOME / f"driver-{_name(Path(environment['JAVA_HOME']))}.jsa"
    with FileLock(HOME / "driver.lock"):
        if not archive.exists():
            _write(archive, os.environ | environment)
    archived = f" -XX:SharedArchiveFile={archive}" if archive.stat().st_size else ""
    return f"{QUICK_JAVA}{archived} {environment.get(OPTIONS, '')}".strip()


def _name(java: Path) -> str:
    """A name for the Java and the jars that an archive is good for."""
    parts = [java / "bin/java", Path(skein.__file__).with_name("java") / "skein.jar", HOME / "lib"]
    return hashlib.sha256(repr([(str(path), path.stat().st_mtime_ns) for path in parts]).encode()).hexdigest()[:16]


def _write(archive: Path, environment: dict[str, Any]) -> None:
    """Write an archive, or an empty file where Java can't: before version 13, or without an archive of its own."""
    unfinished = archive.with_suffix(".tmp")
    unfinished.unlink(missing_ok=True)
    own = environment.get(OPTIONS, "").split()
    options = [*own, *QUICK_JAVA.split(), "-XX:+IgnoreUnrecognizedVMOptions", f"-XX:ArchiveClassesAtExit={unfinished}"]
    line = [sys.executable, "-c", _USE_DRIVER, *options]
    subprocess.run(line, check=True, env=environment, stdin=subprocess.DEVNULL, timeout=120)
    for old in HOME.glob("driver-*.jsa"):
        old.unlink()
    if not unfinished.exists():
        unfinished.touch()
    unfinished.rename(archive)
