"""The command lines of Hadoop's daemons, and the Java that they run on."""

import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = Path(os.environ.get("TEST_HADOOP_HOME", ROOT / ".hadoop"))
"""The Hadoop that runs; the variable names another one, of another version (`versions.py`)."""


def daemon(name: str, properties: Mapping[str, str]) -> list[str]:
    """The line that runs a daemon with properties of its own."""
    options = [part for key, value in properties.items() for part in ("-D", f"{key}={value}")]
    return [f"{HOME}/bin/hadoop", name, *options]


@cache
def java_home() -> str:
    """The folder of Java, which is fetched when there is none."""
    script = Path(__file__).with_name("java-home")
    return subprocess.run([script], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
