"""The archive of a driver's classes: written once, used by later commands, never in the way of one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environments import write
from tests.hadoop.lines import HOME, ROOT, java_home
from yarnml.clusters.yarn.edge.class_archive import MOST_ARCHIVES, ClassArchive

DRIVE = """\
import contextlib
from yarnml.clusters.yarn.edge.driver import Driver
with contextlib.closing(Driver()) as driver:
    print(*(option.partition("=")[0] for option in driver._archive.options))
    driver.client
"""
CORE_SITE = (
    "<configuration><property><name>fs.defaultFS</name><value>hdfs://127.0.0.1:9</value></property></configuration>"
)


def variables(folder: Path) -> dict[str, str]:
    """The variables of a user whose cache is in a folder, and whose Java is a file there."""
    (folder / "cache").mkdir(mode=0o700, exist_ok=True)
    if not (folder / "bin/java").exists():
        write(folder / "bin/java", "")
    return {"XDG_CACHE_HOME": str(folder / "cache"), "JAVA_HOME": str(folder), "PATH": ""}


def test_one_is_written_then_used(tmp_path: Path) -> None:
    """For the same Java and options; a few are kept, and a driver that wrote none leaves none."""
    user = variables(tmp_path)
    for heap in range(MOST_ARCHIVES + 1):
        options = [f"-Xmx{heap + 1}g"]
        first = ClassArchive(options, user)
        assert not first.used
        first.keep()
        draft = first.options[-1].removeprefix("-XX:ArchiveClassesAtExit=")
        Path(draft).write_text("classes")
        os.utime(draft, (heap, heap))
        first.keep()
        second = ClassArchive(options, user)
        assert second.used
        assert Path(second.options[0].removeprefix("-XX:SharedArchiveFile=")).read_text() == "classes"
    assert not ClassArchive(["-Xmx1g"], user).used
    second.discard()
    assert not ClassArchive(options, user).used
    assert len(list((tmp_path / "cache/yarnml/java").iterdir())) == MOST_ARCHIVES - 1
    os.utime(tmp_path / "bin/java", (1, 1))
    assert not ClassArchive(["-Xmx3g"], user).used


@pytest.mark.parametrize("option", ["-Xshare:off", "-XX:SharedArchiveFile=/x"])
def test_the_user_s_own_choice_stays(tmp_path: Path, option: str) -> None:
    """Java takes no second archive."""
    assert ClassArchive([option], variables(tmp_path)).options == []


def test_a_folder_that_others_can_write_is_not_used(tmp_path: Path) -> None:
    """They could put a class into it, which we would run."""
    user = variables(tmp_path)
    assert ClassArchive([], user).options
    (tmp_path / "cache/yarnml/java").chmod(0o777)
    assert ClassArchive([], user).options == []


@pytest.mark.breadth
def test_a_real_driver(tmp_path: Path) -> None:
    """It writes one as it ends, starts with it, and starts without where it is torn."""
    subprocess.run([ROOT / "docker/hadoop-home"], check=True)
    write(tmp_path / "conf/core-site.xml", CORE_SITE)
    user = os.environ | {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "JAVA_HOME": java_home(),
        "HADOOP_HOME": str(HOME),
        "HADOOP_CONF_DIR": str(tmp_path / "conf"),
        "PATH": f"{HOME}/bin:{os.environ['PATH']}",
    }
    user.pop("SKEIN_DRIVER_JAVA_OPTIONS", None)
    folder = tmp_path / "working"
    folder.mkdir()

    def said() -> str:
        line = [sys.executable, "-c", DRIVE]
        done = subprocess.run(line, env=user, cwd=folder, capture_output=True, text=True, check=True)
        assert not any(folder.iterdir())
        return done.stdout.strip()

    assert said() == "-XX:+IgnoreUnrecognizedVMOptions -XX:ArchiveClassesAtExit"
    assert said() == "-XX:SharedArchiveFile -XX:ErrorFile"
    (archive,) = (tmp_path / "cache/yarnml/java").iterdir()
    os.truncate(archive, 5_000_000)
    assert said() == "-XX:SharedArchiveFile -XX:ErrorFile"
    assert not any((tmp_path / "cache/yarnml/java").iterdir())
    assert said() == "-XX:+IgnoreUnrecognizedVMOptions -XX:ArchiveClassesAtExit"
