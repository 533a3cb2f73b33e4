"""YARN's ResourceManager: whether it answers, and what its REST service tells of nodes, labels and queues."""

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

from yarnml.clusters.yarn.capacity import rest, rules
from yarnml.clusters.yarn.capacity.resources import Cluster, Node, Queue, Request, Share, Size
from yarnml.clusters.yarn.capacity.rules import UnknownToYarn
from yarnml.errors import ClusterError, JobFileError
from yarnml.storage import hadoop_config
from yarnml.storage.hadoop_config import Configuration

SECONDS = 5.0  # to connect, and again for an answer
GPU = "yarn.io/gpu"

_GREETING = b"GET / H"  # as much as a Hadoop RPC server reads before it answers that this is not HTTP
_UNBOUNDED = 2**62


def reach(settings: Configuration) -> str:
    """host:port of a ResourceManager that answers; ClusterError says of each why it does not.

    Hadoop's own client would try for a quarter of an hour.
    """
    managers = settings.resource_managers
    if not managers:
        where = f"yarn-site.xml in {settings.folder}" if settings.folder else "No Hadoop configuration was found; it"
        raise ClusterError(
            f"{where} names no ResourceManager; set HADOOP_CONF_DIR to the folder whose yarn-site.xml has "
            "yarn.resourcemanager.hostname."
        )
    reasons = {manager.rpc: silence(manager.rpc) for manager in managers}
    found = next((address for address, reason in reasons.items() if not reason), None)
    if found is None:
        told = "; ".join(f"{address} {reason}" for address, reason in reasons.items())
        raise ClusterError(f"The ResourceManager {told}; start it, or correct yarn-site.xml in {settings.folder}.")
    return found


def silence(address: str, seconds: float = SECONDS) -> str:
    """Why the Hadoop server at host:port does not answer; empty where it does."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), seconds) as line:
            line.sendall(_GREETING)
            return "" if line.recv(1) else "closes every connection"
    except TimeoutError:
        return f"does not answer within {seconds:.0f} s"
    except (OSError, ValueError) as exc:
        return f"can't be reached ({getattr(exc, 'strerror', None) or exc})"


def look() -> Cluster:
    """Ask the active ResourceManager for its nodes, queues and labels; `UnknownToYarn` where it does not answer us."""
    nodes, scheduler = _ask("nodes").get("nodes") or {}, _ask("scheduler")["scheduler"]["schedulerInfo"]
    labels = _list(_ask("get-node-labels"), "nodeLabelInfo")
    knows_gpus = GPU in json.dumps(nodes)
    return Cluster(
        _nodes(nodes),
        tuple(_queues(scheduler, "", ())) if scheduler.get("type") == "capacityScheduler" else (),
        {str(label["name"]): str(label.get("exclusivity")).lower() == "true" for label in labels},
        ("memory", "vcores", "gpus") if knows_gpus or _counts_vcores(scheduler) else ("memory",),
        knows_gpus or not nodes,
        _setting("yarn.acl.enable") != "false",
    )


def missing(queue: str, request: Request) -> str:
    """Why a container that was asked for does not come, as far as the ResourceManager tells; else empty."""
    try:
        cluster = look()
        return rules.missing(cluster, rules.find_queue(cluster, queue), request, hadoop_config.user())
    except (UnknownToYarn, JobFileError):
        return ""


def room(queue: str, request: Request, most: int) -> int:
    """How many such containers, ``most`` at most, would come now, as far as the ResourceManager tells; else none."""
    try:
        cluster = look()
        return rules.room(cluster, rules.find_queue(cluster, queue), request, hadoop_config.user(), most)
    except (UnknownToYarn, JobFileError):
        return 0


def _ask(path: str) -> dict[str, Any]:
    try:
        return dict(rest.resource_manager(path) or {})
    except OSError as exc:
        wants = "; it wants Kerberos" if getattr(exc, "code", 0) == 401 else ""
        raise UnknownToYarn(f"YARN's web service does not tell ({path}: {exc}{wants})") from exc


def _setting(name: str) -> str:
    """A property of the ResourceManager's own configuration; empty where it does not tell."""
    with contextlib.suppress(OSError):
        return rest.setting(name)
    return ""


def _nodes(answer: dict[str, Any]) -> tuple[Node, ...]:
    return tuple(
        Node(
            node["nodeHostName"],
            next(iter(node.get("nodeLabels") or []), ""),
            _size(node.get("totalResource") or {}),
            _size(node.get("usedResource") or {}),
            node["state"] == "RUNNING",
        )
        for node in _list(answer, "node")
    )


def _queues(info: dict[str, Any], above: str, lists: tuple[str, ...]) -> Iterator[Queue]:
    """A queue of the capacity scheduler and all below it; ``lists``: the access lists of those above."""
    name = str(info["queueName"])
    path = f"{above}.{name}" if above else name
    own = _list(info.get("queueAcls"), "queueAcl")
    lists += tuple(a["accessControlList"] for a in own if a["accessType"] in ("SUBMIT_APP", "ADMINISTER_QUEUE"))
    children = _list(info.get("queues"), "queue")
    yield Queue(
        name,
        path,
        info.get("state", "RUNNING"),
        leaf=not children and info.get("queueType", "leaf") == "leaf",
        creates_children=info.get("autoCreationEligibility", "off") != "off",
        labels=frozenset(info.get("nodeLabels") or ()),
        default_label=info.get("defaultNodeLabelExpression") or "",
        submitters=lists if own else ("*",),
        largest=_size(info["maximumAllocation"]) if "maximumAllocation" in info else None,
        shares=_shares(info),
        users=_users(info),
    )
    for child in children:
        yield from _queues(child, path, lists)


def _shares(info: dict[str, Any]) -> dict[str, Share]:
    used = {u["partitionName"]: _size(u["used"]) for u in _list(info.get("resources"), "resourceUsagesByPartition")}
    capacities = _list(info.get("capacities"), "queueCapacitiesByPartition")
    limits = {c["partitionName"]: c.get("effectiveMaxResource") for c in capacities}
    return {
        label: Share(used.get(label, Size()), _size(limit) if (limit := limits.get(label)) else None)
        for label in used.keys() | limits.keys()
    }


def _users(info: dict[str, Any]) -> dict[str, dict[str, Share]]:
    """What each user has by label; one user may have the queue's own capacity so many times, more only for a moment."""
    factor = float(info.get("userLimitFactor", -1))
    capacities = _list(info.get("capacities"), "queueCapacitiesByPartition")
    own = {c["partitionName"]: _size(c["effectiveMinResource"]) for c in capacities if "effectiveMinResource" in c}
    limits = {label: size * factor for label, size in own.items() if factor > 0}
    return {
        user["username"]: {
            part["partitionName"]: Share(_size(part["used"]), limits.get(part["partitionName"]))
            for part in _list(user.get("resources"), "resourceUsagesByPartition")
        }
        for user in _list(info.get("users"), "user")
    }


def _counts_vcores(scheduler: dict[str, Any]) -> bool:
    """A scheduler that looks at memory alone sets every limit for masters to one vcore."""
    limits = [info["AMResourceLimit"] for info in _leaves(scheduler) if "AMResourceLimit" in info]
    return any(int(limit.get("vCores", 0)) > 1 for limit in limits)


def _leaves(info: dict[str, Any]) -> Iterator[dict[str, Any]]:
    children = _list(info.get("queues"), "queue")
    if not children:
        yield info
    for child in children:
        yield from _leaves(child)


def _size(resource: dict[str, Any]) -> Size:
    named = {r["name"]: r["value"] for r in _list(resource.get("resourceInformations"), "resourceInformation")}
    return Size(*(min(int(n), _UNBOUNDED) for n in (resource["memory"], resource["vCores"], named.get(GPU, 0))))


def _list(parent: Any, name: str) -> list[dict[str, Any]]:
    """The elements called so; YARN's JSON has one of them bare, and none as null."""
    found = (parent or {}).get(name)
    return [] if not found else list(found) if isinstance(found, list) else [found]
