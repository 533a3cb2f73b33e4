"""YARN's ResourceManager: whether it answers, and the nodes, labels and queues that its REST service tells of."""

import contextlib
import socket
from collections.abc import Iterator
from typing import TypeVar

from yarnml.clusters.yarn.capacity import answers, queues, rest, rules
from yarnml.clusters.yarn.capacity.answers import GPU
from yarnml.clusters.yarn.capacity.queues import UnknownToYarn
from yarnml.clusters.yarn.capacity.resources import EVERYBODY, Cluster, Node, Queue, Request, Share, Size
from yarnml.errors import ClusterError, JobFileError
from yarnml.storage.hadoop_config import Configuration
from yarnml.storage.security import identity

SERVER_SECONDS = 5.0
"""Time limit to connect to a server, and again for its first byte."""

_GREETING = b"GET / H"  # as much as a Hadoop RPC server reads before it answers that this is not HTTP
_UNBOUNDED = 2**62

_T = TypeVar("_T")


def find_active(settings: Configuration) -> str:
    """The host:port of a ResourceManager that answers; ClusterError says of each why it does not.

    Hadoop's own client would try for a quarter of an hour.
    """
    managers = settings.resource_managers
    if not managers:
        where = f"yarn-site.xml in {settings.folder}" if settings.folder else "No Hadoop configuration was found; it"
        raise ClusterError(
            f"{where} names no ResourceManager; set HADOOP_CONF_DIR to the folder whose yarn-site.xml has "
            "yarn.resourcemanager.hostname."
        )
    reasons: list[str] = []
    for manager in managers:
        reason = why_silent(manager.rpc)
        if not reason:
            return manager.rpc
        reasons.append(f"{manager.rpc} {reason}")
    raise ClusterError(
        f"The ResourceManager {'; '.join(reasons)}; start it, or correct yarn-site.xml in {settings.folder}."
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


def snapshot() -> Cluster:
    """Ask the active ResourceManager for its nodes, queues and labels; `UnknownToYarn` where it does not answer us."""
    nodes = _ask("nodes", answers.NodesAnswer)
    scheduler = _ask("scheduler", answers.SchedulerAnswer)
    labels = _ask("get-node-labels", answers.NodeLabelsAnswer)
    return cluster_of(nodes, scheduler, labels, access_lists=_setting("yarn.acl.enable") != "false")


def why_pending(queue: str, request: Request) -> str:
    """Why a requested container does not come, as far as the ResourceManager tells; else empty."""
    try:
        cluster = snapshot()
        return rules.why_pending(cluster, queues.find_queue(cluster, queue), request, identity.user())
    except (UnknownToYarn, JobFileError):
        return ""


def available(queue: str, request: Request, limit: int) -> int:
    """The number of such containers, up to a limit, that would come now; 0 where YARN does not tell."""
    try:
        cluster = snapshot()
        return rules.available(cluster, queues.find_queue(cluster, queue), request, identity.user(), limit)
    except (UnknownToYarn, JobFileError):
        return 0


def cluster_of(
    nodes: answers.NodesAnswer,
    scheduler: answers.SchedulerAnswer,
    labels: answers.NodeLabelsAnswer,
    *,
    access_lists: bool = True,
) -> Cluster:
    """The plain facts in the answers of a ResourceManager; ``access_lists``: whether queues look at theirs."""
    listed = nodes.nodes.node if nodes.nodes else []
    root = scheduler.scheduler.scheduler_info
    has_gpu_type = any(GPU in node.total_resource.by_name for node in listed if node.total_resource)
    return Cluster(
        tuple(_node(node) for node in listed),
        tuple(_queues(root, "", ())) if root.type == "capacityScheduler" else (),
        {label.name: bool(label.exclusivity) for label in labels.node_label_info},
        ("memory", "vcores", "gpus") if has_gpu_type or _counts_vcores(root) else ("memory",),
        has_gpu_type or not listed,  # without a node there is nothing to tell from
        access_lists,
    )


def _ask(path: str, answer_type: type[_T]) -> _T:
    try:
        return rest.resource_manager(path, answer_type)
    except OSError as exc:
        wants = "; it wants Kerberos" if getattr(exc, "code", 0) == 401 else ""
        raise UnknownToYarn(f"YARN's web service does not tell ({path}: {exc}{wants})") from exc


def _setting(name: str) -> str:
    """A property of the ResourceManager's own configuration; empty where it does not tell."""
    with contextlib.suppress(OSError):
        return rest.setting(name)
    return ""


def _node(node: answers.Node) -> Node:
    return Node(
        node.node_host_name,
        next(iter(node.node_labels), ""),
        _size(node.total_resource),
        _size(node.used_resource),
        node.state == "RUNNING",
    )


def _queues(queue: answers.Queue, parent: str, parent_lists: tuple[str, ...]) -> Iterator[Queue]:
    """A queue of the capacity scheduler and all below it.

    ``parent``: the path of the queue above it.
    ``parent_lists``: the access lists of all queues above it: who may use these, may use it, too.
    """
    path = f"{parent}.{queue.queue_name}" if parent else queue.queue_name
    own_lists = queue.queue_acls.queue_acl if queue.queue_acls else []
    lists = parent_lists + tuple(
        acl.access_control_list for acl in own_lists if acl.access_type in ("SUBMIT_APP", "ADMINISTER_QUEUE")
    )
    yield Queue(
        queue.queue_name,
        path,
        queue.state,
        leaf=not queue.children and queue.queue_type == "leaf",
        creates_children=queue.auto_creation_eligibility != "off",
        labels=frozenset(queue.node_labels),
        default_label=queue.default_node_label_expression or "",
        submitters=lists if own_lists else (EVERYBODY,),
        largest=_size(queue.maximum_allocation) if queue.maximum_allocation else None,
        shares=_shares(queue),
        users=_users(queue),
    )
    for child in queue.children:
        yield from _queues(child, path, lists)


def _shares(queue: answers.Queue) -> dict[str, Share]:
    """The share of a queue by label."""
    used = {usage.partition_name: _size(usage.used) for usage in _usages(queue.resources)}
    limits = {capacity.partition_name: capacity.effective_max_resource for capacity in _capacities(queue)}
    return {
        label: Share(used.get(label, Size()), _size(limit) if (limit := limits.get(label)) else None)
        for label in used.keys() | limits.keys()
    }


def _users(queue: answers.Queue) -> dict[str, dict[str, Share]]:
    """The share of each user by label.

    One user may have the queue's own capacity times its factor, and more only for a moment.
    """
    factor = queue.user_limit_factor
    limits = {
        capacity.partition_name: _size(capacity.effective_min_resource) * factor
        for capacity in _capacities(queue)
        if capacity.effective_min_resource and factor > 0
    }
    return {
        user.username: {
            usage.partition_name: Share(_size(usage.used), limits.get(usage.partition_name))
            for usage in _usages(user.resources)
        }
        for user in (queue.users.user if queue.users else [])
    }


def _usages(resources: answers.Usages | None) -> list[answers.Usage]:
    return resources.resource_usages_by_partition if resources else []


def _capacities(queue: answers.Queue) -> list[answers.Capacity]:
    return queue.capacities.queue_capacities_by_partition if queue.capacities else []


def _counts_vcores(root: answers.Queue) -> bool:
    """Tell from the limits for masters: a scheduler that looks at memory alone sets each of them to one vcore."""
    return any(leaf.master_limit.v_cores > 1 for leaf in _leaves(root) if leaf.master_limit)


def _leaves(queue: answers.Queue) -> Iterator[answers.Queue]:
    if not queue.children:
        yield queue
    for child in queue.children:
        yield from _leaves(child)


def _size(resource: answers.Resource | None) -> Size:
    if resource is None:
        return Size()
    amounts = (resource.memory, resource.v_cores, resource.by_name.get(GPU, 0))
    return Size(*(min(amount, _UNBOUNDED) for amount in amounts))
