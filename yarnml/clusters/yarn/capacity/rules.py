"""Rules that tell whether a job can ever run on a cluster, and what keeps its containers away now.  Pure.

A check returns a fact in words, or nothing where the job asks for nothing.  It raises JobFileError with the field that
can never be met.  It refuses only what YARN would refuse too, or leave waiting for ever.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from yarnml.clusters.yarn.capacity.resources import (
    Cluster,
    Node,
    Queue,
    Request,
    Share,
    Size,
    in_words,
    label_of,
    largest,
)
from yarnml.errors import ClusterError, JobFileError
from yarnml.events.text import count_of

_MASTERS_LIMIT = re.compile(
    r"AM resource limit exceeded.*AM Resource Request = <memory:(\d+).*Resource Limit for AM = <memory:(\d+)"
    r".*Queue AM Resource Usage = <memory:(\d+)"
)


def check_label(cluster: Cluster, queue: Queue, request: Request) -> str:
    """Check that the label of a request exists, some node has it, and the queue may use it."""
    label = label_of(queue, request)
    section_field = f"{request.section}.node_label"
    if not label:
        return ""
    if label not in cluster.labels:
        known = f"it has {', '.join(sorted(cluster.labels))}" if cluster.labels else "it has none"
        raise JobFileError(f"{section_field}: YARN has no node label '{label}'; {known}.")
    if not queue.may_use(label):
        alternatives = [q.name for q in cluster.queues if q.takes_jobs and q.may_use(label)]
        choose = "have its administrator allow it"
        if alternatives:
            choose = f"choose a queue that may ({', '.join(alternatives)})"
        raise JobFileError(
            f"{section_field}: queue {queue.name} may not use nodes labelled {label}, "
            f"so its containers would wait for ever; {choose}, or leave the label out."
        )
    nodes = cluster.nodes_for(label)
    if not nodes:
        raise JobFileError(f"{section_field}: no running node is labelled {label}; leave it out, or have one labelled.")
    pronoun = "them" if len(nodes) > 1 else "it"
    return f"{', '.join(node.host for node in nodes)} labelled {label}; queue {queue.name} may use {pronoun}"


def check_gpus(cluster: Cluster, request: Request, client_knows: bool) -> str:
    """Check that GPUs can be requested, and some node has them.

    ``client_knows``: whether the Hadoop configuration of this machine has them as a resource.
    """
    if not request.size.gpus:
        return ""
    addition = "resource-types.xml with yarn.resource-types = yarn.io/gpu"
    if not cluster.knows_gpus:
        raise JobFileError(
            f"workers.gpus: YARN does not know GPUs; its administrator must add {addition}, or set it to 0."
        )
    if not client_knows:
        raise JobFileError(
            f"workers.gpus: YARN knows GPUs, but the Hadoop configuration of this machine does not; "
            f"put {addition} into HADOOP_CONF_DIR."
        )
    nodes = [node for node in cluster.nodes if node.running and node.total.gpus]
    if not nodes:
        raise JobFileError("workers.gpus: no running node has GPUs; set it to 0.")
    return ", ".join(
        f"{node.host} has {node.total.gpus}{f', label {node.label}' if node.label else ''}" for node in nodes
    )


def check_size(cluster: Cluster, queue: Queue, request: Request) -> str:
    """Check one container against YARN's maximum and the nodes, and the job's minimum number against all nodes."""
    size = request.size
    for name in _exceeding(size, queue.largest, ("memory", "vcores", "gpus")):
        raise JobFileError(
            f"{request.section}.{name}: a container in queue {queue.name} may have "
            f"{in_words(name, getattr(queue.largest, name))} at most, "
            f"YARN's maximum allocation, not {in_words(name, getattr(size, name))}."
        )
    label = label_of(queue, request)
    nodes = cluster.nodes_for(label)
    where = _where(label, cluster)
    if not nodes:
        raise ClusterError(f"YARN has no running node{where}; start a NodeManager, or look at its log.")
    maximum = largest(node.total for node in nodes)
    for name in _exceeding(size, maximum, cluster.counted):
        raise JobFileError(
            f"{request.section}.{name}: no node{where} has {in_words(name, getattr(size, name))}, "
            f"the largest has {in_words(name, getattr(maximum, name))}{_labelled_hint(cluster, request, name)}."
        )
    count = sum(_times(node.total, size, cluster.counted) for node in nodes)
    if not count:
        raise JobFileError(f"{request.section}: no node{where} has {size} at once; ask for less of one of them.")
    if count < request.minimum:
        raise JobFileError(
            f"{request.minimum_field} is {request.minimum}, but the nodes{where} hold {count} of {size}."
        )
    return f"{request.role} of {size}: room for {count} on {count_of(len(nodes), 'node')}{where}"


def largest_memory(cluster: Cluster, queue: Queue, request: Request) -> int:
    """The MiB of the largest container that a request could be for, everything else as it is."""
    label = label_of(queue, request)
    needs = replace(request.size, memory=0)
    nodes = [node for node in cluster.nodes_for(label) if needs.fits(node.total, cluster.counted)]
    limits = [queue.largest, queue.shares.get(label, Share()).limit]
    on_nodes = max((node.total.memory for node in nodes), default=0)
    return min([on_nodes, *(limit.memory for limit in limits if limit)])


def check_limits(cluster: Cluster, queue: Queue, asked: list[Request]) -> str:
    """Check that all that the job can't begin without is within what the queue may ever have."""
    facts = []
    for label in sorted({label_of(queue, request) for request in asked}):
        parts = [request for request in asked if label_of(queue, request) == label]
        limit = queue.shares.get(label, Share()).limit
        need = sum((request.size * request.minimum for request in parts), Size())
        roles = ", ".join(count_of(request.minimum, request.role) for request in parts)
        if not Share(limit=limit).has_room(need, cluster.counted):
            raise JobFileError(
                f"queue {queue.name} may have {limit}{_of_label(label)}, less than the {need} of {roles}; "
                "choose another queue, or ask for less."
            )
        facts.append(f"{need} for {roles} of {limit or 'an unknown limit'}{_of_label(label)}")
    return "; ".join(facts)


def why_pending(cluster: Cluster, queue: Queue | None, request: Request, user: str) -> str:
    """Why a requested container does not come; empty where YARN has room for it.

    Without a ``queue``, its limits are not looked at.
    """
    label = label_of(queue, request)
    if queue and not queue.may_use(label):
        return f"queue {queue.name} may not use nodes labelled {label}"
    nodes = cluster.nodes_for(label)
    where = _where(label, cluster)
    if not nodes:
        return f"no node{where} is running"
    return _lack_on_nodes(cluster, nodes, where, request.size) or (
        _lack_in_queue(cluster, queue, label, request.size, user) if queue else ""
    )


def available(cluster: Cluster, queue: Queue, request: Request, user: str, limit: int) -> int:
    """The number of containers, up to a limit, that would come at once if they were requested now."""
    if why_pending(cluster, queue, request, user):
        return 0
    size = request.size
    label = label_of(queue, request)
    free = sum(_times(node.free, size, cluster.counted) for node in cluster.nodes_for(label))
    shares = [queue.shares.get(label, Share()), queue.users.get(user, {}).get(label, Share())]
    for number in range(min(free, limit), 0, -1):
        if all(share.has_room(size * number, cluster.counted) for share in shares):
            return number
    return 0


def why_master_waits(diagnostics: str) -> str:
    """YARN's long words about an application whose master has not begun, in a short sentence where there is one."""
    if match := _MASTERS_LIMIT.search(diagnostics):
        need, limit, used = (in_words("memory", int(memory)) for memory in match.groups())
        return (
            f"its master needs {need}, and the masters in its queue have {used} of the {limit} that they may have "
            "together; it waits for another to end"
        )
    if "waiting for resources to be assigned for AM" in diagnostics:
        return "no node has room for its master yet"
    if "AM container is launched" in diagnostics:
        return "its master starts"
    return diagnostics


def _lack_on_nodes(cluster: Cluster, nodes: list[Node], where: str, size: Size) -> str:
    """The resource that no node has enough of, in words; empty where one node has all."""
    used = sum((node.used for node in nodes), Size())
    total = sum((node.total for node in nodes), Size())
    for name in _exceeding(size, largest(node.free for node in nodes), cluster.counted):
        return (
            f"no node{where} has {in_words(name, getattr(size, name))} free: "
            f"{in_words(name, getattr(used, name))} of {in_words(name, getattr(total, name))} are in use"
        )
    if not any(_times(node.free, size, cluster.counted) for node in nodes):
        return f"no node{where} has {size} free at once"
    return ""


def _lack_in_queue(cluster: Cluster, queue: Queue, label: str, size: Size, user: str) -> str:
    """The limit of the queue, or of the user in it, that is reached, in words; empty where none is."""
    share = queue.shares.get(label, Share())
    if not share.has_room(size, cluster.counted):
        return f"queue {queue.name} uses {share.used} of the {share.limit} that it may have{_of_label(label)}"
    own = queue.users.get(user, {}).get(label, Share())
    if not own.has_room(Size(), cluster.counted):  # YARN lets a user go over the limit with the last container
        return f"{user} uses {own.used}, and one user of queue {queue.name} may have {own.limit}{_of_label(label)}"
    return ""


def _exceeding(size: Size, limit: Size | None, resources: Iterable[str]) -> list[str]:
    """The resources, of those named, of which a size has more than a limit."""
    return [name for name in resources if limit is not None and getattr(size, name) > getattr(limit, name)]


def _times(capacity: Size, size: Size, resources: Iterable[str]) -> int:
    """The number of times that a size fits into a capacity, counting these resources only."""
    return max(0, min(getattr(capacity, name) // getattr(size, name) for name in resources if getattr(size, name)))


def _where(label: str, cluster: Cluster) -> str:
    return f" labelled {label}" if label else " without a label" if cluster.labels else ""


def _of_label(label: str) -> str:
    return f" of the nodes labelled {label}" if label else ""


def _labelled_hint(cluster: Cluster, request: Request, name: str) -> str:
    """A hint at labelled nodes that have enough of what those without a label lack."""
    need = getattr(request.size, name)
    labels = sorted({n.label for n in cluster.nodes if n.running and n.label and getattr(n.total, name) >= need})
    if not labels or request.section != "workers" or request.label:
        return ""
    return f"; nodes labelled {labels[0]} have it, so set workers.node_label to {labels[0]}"
