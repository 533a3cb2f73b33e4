"""The ResourceManager that answers; where one of several takes over from another, it is waited for."""

import socket
import time
from collections.abc import Sequence

from yarnml.clusters.yarn.capacity import rest
from yarnml.clusters.yarn.capacity.answers import ClusterInfo
from yarnml.errors import ClusterError
from yarnml.events.log import log
from yarnml.storage.hadoop_config import Address, Configuration
from yarnml.storage.retry import FAILOVER_SECONDS

SERVER_SECONDS = 5.0
"""Time limit to connect to a server, and again for its first byte."""

CHECK_SECONDS = 0.5
"""Time between two looks for an active ResourceManager."""

SETTLE_SECONDS = 40.0
"""Time in which all nodes have registered with a ResourceManager that has become active; they look every 30 s."""

ACTIVE = "active"

_TAKES_OVER = ("standby", "initializing")
_GREETING = b"GET / H"  # as much as a Hadoop RPC server reads before it answers that this is not HTTP


def find_active(settings: Configuration) -> str:
    """The host:port of a ResourceManager that answers; ClusterError says of each why it does not.

    A standby does not answer there.  While there is one, it is given time to become active; otherwise nothing is
    waited for: Hadoop's own client would try for a quarter of an hour.
    """
    managers = settings.resource_managers
    if not managers:
        where = f"yarn-site.xml in {settings.folder}" if settings.folder else "No Hadoop configuration was found; it"
        raise ClusterError(
            f"{where} names no ResourceManager; set HADOOP_CONF_DIR to the folder whose yarn-site.xml has "
            "yarn.resourcemanager.hostname."
        )
    deadline = 0.0
    while True:
        reasons: list[str] = []
        for manager in managers:
            reason = why_silent(manager.rpc)
            if not reason:
                return manager.rpc
            reasons.append(f"{manager.rpc} {reason}")
        now = time.monotonic()
        if not deadline and _one_takes_over(managers):
            deadline = now + FAILOVER_SECONDS
            log(f"YARN: no ResourceManager is active, one is a standby; waiting for up to {FAILOVER_SECONDS:.0f} s.")
        if now >= deadline:
            raise ClusterError(
                f"The ResourceManager {'; '.join(reasons)}; start it, or correct yarn-site.xml in {settings.folder}."
            )
        time.sleep(CHECK_SECONDS)


def settling_seconds(managers: Sequence[Address]) -> float:
    """The seconds in which more nodes may yet register with the active ResourceManager; 0 where it does not tell."""
    infos = [info for manager in managers if (info := _info(manager))]
    active = next((info for info in infos if info.ha_state.lower() == ACTIVE), ClusterInfo())
    return settles_for(active.started_on / 1000, time.time())


def settles_for(active_since: float, now: float) -> float:
    """The rest of the time in which a ResourceManager may not know all of its nodes; times in seconds since 1970."""
    return min(max(0.0, active_since + SETTLE_SECONDS - now), SETTLE_SECONDS)


def describe(managers: Sequence[Address], answering: str) -> str:
    """The state of every ResourceManager in words; ``answering``: the host:port of the one that answers."""
    if len(managers) == 1:
        return f"{answering} answers"
    return ", ".join(
        f"{manager.rpc} is {ACTIVE}" if manager.rpc == answering else f"{manager.rpc} {_state_in_words(manager)}"
        for manager in sorted(managers, key=lambda manager: manager.rpc != answering)
    )


def why_silent(address: str, seconds: float = SERVER_SECONDS) -> str:
    """Why the Hadoop server at host:port does not answer; empty where it does.

    It must answer, and not only accept: the system accepts connections for a process that hangs, too.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), seconds) as line:
            line.sendall(_GREETING)
            return "" if line.recv(1) else "closes every connection"
    except TimeoutError:
        return f"does not answer within {seconds:.0f} s"
    except (OSError, ValueError) as exc:
        return f"can't be reached ({getattr(exc, 'strerror', None) or exc})"


def _one_takes_over(managers: Sequence[Address]) -> bool:
    return len(managers) > 1 and any(_state(manager) in (ACTIVE, *_TAKES_OVER) for manager in managers)


def _state_in_words(manager: Address) -> str:
    state = _state(manager)
    return f"is {state}" if state else why_silent(manager.rpc)


def _state(manager: Address) -> str:
    """The state that a ResourceManager tells of itself; empty where it does not."""
    info = _info(manager)
    return info.ha_state.lower() if info else ""


def _info(manager: Address) -> ClusterInfo | None:
    try:
        return rest.info(manager.web)
    except OSError:
        return None
