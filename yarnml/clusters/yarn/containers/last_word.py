"""The last word of a worker or reducer that has ended badly, for a master that can't read logs.

NodeManagers of secured clusters show the logs of their containers only to who has a ticket, and containers have
tokens alone.  So the script of a container runs this program at its end, which leaves the end of the log with Skein.
"""

import os
import sys
from pathlib import Path

from yarnml.clusters.yarn import services
from yarnml.clusters.yarn.observe.logs import FILES
from yarnml.clusters.yarn.skein_import import skein

LOG_TAIL_BYTES = 8192
"""Bytes of a dead container's log that are looked at."""

_KEY = "yarnml.end."  # with the name of a container


def main() -> int:
    """Leave the end of this container's log with Skein."""
    name = os.environ["SKEIN_CONTAINER_ID"]
    service, _, instance = name.rpartition("_")
    role = services.process_of(service, int(instance)).role
    log = Path(os.environ["LOG_DIRS"].partition(",")[0], FILES[role])
    application = skein.ApplicationClient.from_current()
    application.kv[_KEY + name] = log.read_bytes()[-LOG_TAIL_BYTES:]
    return 0


def of_container(application: skein.ApplicationClient, name: str) -> str:
    """The end of a container's log, as it left it; empty where it has not."""
    word = application.kv.get(_KEY + name)
    return word.decode(errors="replace") if word else ""


if __name__ == "__main__":
    sys.exit(main())
