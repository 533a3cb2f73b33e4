"""The nodes, labels and queues of YARN, which the REST service of the active ResourceManager tells of."""

import contextlib
from collections.abc import Iterator
from typing import TypeVar

from yarnml.clusters.yarn.capacity import answers, queues, rest, rules
from yarnml.clusters.yarn.capacity.answers import GPU
from yarnml.clusters.yarn.capacity.queues import UnknownToYarn
from yarnml.clusters.yarn.capacity.resources import EVERYBODY, Cluster, Node, Queue, Request, Share, Size
from yarnml.errors import JobFileError
from yarnml.storage.security import identity

_UNBOUNDED = 2**62

_T = TypeVar("_T")


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
    listed = nodes.nodes.node
    root = scheduler.scheduler.scheduler_info
    totals = [node.total_resource for node in listed if node.total_resource]
    has_gpu_type = any(GPU in total.by_name for total in totals)
    return Cluster(
        tuple(_node(node) for node in listed),
        tuple(_queues(root, "", ())) if root.type == "capacityScheduler" else (),
        {label.name: label.exclusivity for label in labels.node_label_info if label.name},
        ("memory", "vcores", "gpus") if has_gpu_type or _counts_vcores(root) else ("memory",),
        has_gpu_type or not totals,  # without a node there is nothing to tell from
        access_lists,
    )


def _ask(path: str, answer_type: type[_T]) -> _T:
    try:
        return rest.resource_manager(path, answer_type)
    except OSError as exc:
        raise UnknownToYarn(f"YARN's web service does not tell ({path}: {exc})") from exc


def _setting(name: str) -> str:
    """A property of the ResourceManager's own configuration; empty where it does not tell."""
    with contextlib.suppress(OSError):
        return rest.setting(name)
    return ""


def _node(node: answers.Node) -> Node:
    used = _size(node.used_resource) if node.used_resource else Size(node.used_memory, node.used_virtual_cores)
    if node.total_resource:
        total = _size(node.total_resource)
    else:  # GPUs may be there, too: that is for YARN to know
        free = Size(node.available_memory, node.available_virtual_cores, _UNBOUNDED)
        total = Size(node.used_memory, node.used_virtual_cores) + free
    return Node(node.node_host_name, next(iter(node.node_labels), ""), total, used, node.state == "RUNNING")


def _queues(queue: answers.Queue, parent: str, parent_lists: tuple[str, ...]) -> Iterator[Queue]:
    """A queue of the capacity scheduler and all below it.

    ``parent``: the path of the queue above it.
    ``parent_lists``: the access lists of all queues above it: who may use these, may use it, too.
    """
    path = f"{parent}.{queue.queue_name}" if parent else queue.queue_name
    own_lists = queue.queue_acls.queue_acl
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
        default_label=queue.default_node_label_expression,
        submitters=lists if own_lists else (EVERYBODY,),
        largest=_limit(queue.maximum_allocation),
        shares=_shares(queue),
        users=_users(queue),
    )
    for child in queue.children:
        yield from _queues(child, path, lists)


def _shares(queue: answers.Queue) -> dict[str, Share]:
    """The share of a queue by label."""
    used = {usage.partition_name: _size(usage.used) for usage in queue.resources.resource_usages_by_partition}
    limits = {capacity.partition_name: _limit(capacity.effective_max_resource) for capacity in _capacities(queue)}
    return {label: Share(used.get(label, Size()), limits.get(label)) for label in used.keys() | limits.keys()}


def _users(queue: answers.Queue) -> dict[str, dict[str, Share]]:
    """The share of each user by label.

    One user may have the queue's own capacity times its factor, and more only for a moment.
    """
    factor = queue.user_limit_factor
    limits = {
        capacity.partition_name: limit * factor
        for capacity in _capacities(queue)
        if (limit := _limit(capacity.effective_min_resource)) and factor > 0
    }
    return {
        user.username: {
            usage.partition_name: Share(_size(usage.used), limits.get(usage.partition_name))
            for usage in user.resources.resource_usages_by_partition
        }
        for user in queue.users.user
    }


def _capacities(queue: answers.Queue) -> list[answers.Capacity]:
    return queue.capacities.queue_capacities_by_partition


def _counts_vcores(root: answers.Queue) -> bool:
    """Tell from the limits for masters: a scheduler that looks at memory alone sets each of them to one vcore."""
    return any((leaf.master_limit.v_cores or 0) > 1 for leaf in _leaves(root))


def _leaves(queue: answers.Queue) -> Iterator[answers.Queue]:
    if not queue.children:
        yield queue
    for child in queue.children:
        yield from _leaves(child)


def _size(resource: answers.Resource) -> Size:
    """An amount in use, or that is there: nothing of what is not told."""
    return _bounded(resource.memory or 0, resource.v_cores or 0, resource.by_name.get(GPU, 0))


def _limit(resource: answers.Resource | None) -> Size | None:
    """A limit; none where nothing is told, and of what is not told."""
    if resource is None:
        return None
    memory, vcores = (_UNBOUNDED if amount is None else amount for amount in (resource.memory, resource.v_cores))
    return _bounded(memory, vcores, resource.by_name.get(GPU, 0))


def _bounded(*amounts: int) -> Size:
    return Size(*(min(amount, _UNBOUNDED) for amount in amounts))
