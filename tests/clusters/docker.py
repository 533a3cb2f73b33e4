"""The cluster of Docker containers, as a user of ``docker/README.md`` has it."""

import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
Edge = Callable[..., str]


@contextmanager
def edge_of(target: str) -> Iterator[Edge]:
    """The edge node of the cluster that a target of make starts, for the length of a block.

    It runs a command as its user, who may type something, and gives what is printed.
    """
    check = subprocess.run([sys.executable, DOCKER / "cluster.py", "check"], capture_output=True, text=True)
    if check.returncode:
        pytest.skip(check.stderr.strip())
    compose = runpy.run_path(str(DOCKER / "cluster.py"))["compose"]()
    try:
        subprocess.run(["make", target], cwd=ROOT, check=True)

        def run(*line: str, user: str = "bob", typed: str = "") -> str:
            done = subprocess.run(
                [*compose, "exec", "-T", "-u", user, "edge", *line],
                cwd=DOCKER,
                capture_output=True,
                text=True,
                input=typed,
                timeout=600,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        yield run
    finally:
        subprocess.run(["make", "cluster-down"], cwd=ROOT, check=True)


def commands(section: str) -> list[str]:
    """The commands for the edge node in a section of the README."""
    text = (DOCKER / "README.md").read_text().partition(f"{section}\n")[2].partition("\n## ")[0]
    return re.findall(r"^ +docker compose exec edge (.+)$", text, re.MULTILINE)
