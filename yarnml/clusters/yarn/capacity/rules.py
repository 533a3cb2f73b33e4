"""Whether a job can ever run on a cluster, and what keeps its containers from coming.  Pure.

A check answers with a fact in words, or with nothing where nothing is asked for.  It raises JobFileError with the
field that can never be met, and `UnknownToYarn` where YARN does not tell enough.  It refuses only what YARN would
refuse too, or leave waiting for ever.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from yarnml.clusters.yarn.capacity.resources import (
    EVERYBODY,
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

_SHARE_OF_MASTERS = re.compile(
    r"AM resource limit exceeded.*AM Resource Request = <memory:(\d+).*Resource Limit for AM = <memory:(\d+)"
    r".*Queue AM Resource Usage = <memory:(\d+)"
)


class UnknownToYarn(Exception):
    """YARN does not tell what a rule needs to know; the message says what."""


def find_queue(cluster: Cluster, name: str) -> Queue:
    """The queue of a name or a path."""
    if not cluster.queues:
        raise UnknownToYarn("YARN's scheduler does not tell of its queues")
    for queue in cluster.queues:
        if name in (queue.name, queue.path):
            return queue
    parent = name.rpartition(".")[0]
    if any(queue.creates_children and parent in (queue.name, queue.path) for queue in cluster.queues):
        raise UnknownToYarn(f"YARN makes the queue {name} when it is first used")
    raise JobFileError(f"queue must be one of {_leaves(cluster)}, not '{name}', which YARN does not have.")


def check_queue(cluster: Cluster, name: str, user: str | None) -> str:
    """The queue takes applications, and takes this user's.  ``user``: None where the name to YARN is not known."""
    queue = find_queue(cluster, name)
    if not queue.leaf:
        raise JobFileError(f"queue {name} is made of other queues; choose one of {_leaves(cluster)}.")
    if queue.state != "RUNNING":
        raise JobFileError(f"queue {name} is {queue.state} and takes no jobs; choose another, or have it started.")
    if not cluster.access_lists:
        return f"{queue.path} is RUNNING, for everybody"
    if user is None:
        raise UnknownToYarn(f"{queue.path} is RUNNING; whom it admits is decided by your Kerberos name")
    if admits(queue.submitters, user) is None:
        raise UnknownToYarn(f"{queue.path} is RUNNING; it admits groups, which only YARN can look up")
    if not admits(queue.submitters, user):
        users = sorted({name for text in queue.submitters for name in _people(text)[0]})
        listed = f"only {', '.join(users)}" if users else "nobody"
        others = [q.name for q in cluster.queues if q.takes_jobs and admits(q.submitters, user)]
        choose = f"choose another ({', '.join(others)})" if others else "choose another"
        raise JobFileError(f"queue {name} does not admit {user}, {listed}; {choose}, or ask its owner for access.")
    return f"{queue.path} is RUNNING and admits {user}"


def admits(lists: Iterable[str], user: str) -> bool | None:
    """Whether any of these access lists names the user; None where that hangs on a group."""
    people = [_people(text) for text in lists]
    if any(EVERYBODY in (*users, *groups) or user in users for users, groups in people):
        return True
    return None if any(groups for _, groups in people) else False


def check_label(cluster: Cluster, queue: Queue, request: Request) -> str:
    """The label exists, some node has it, and the queue may use it."""
    label, field_ = label_of(queue, request), f"{request.section}.node_label"
    if not label:
        return ""
    if label not in cluster.labels:
        known = f"it has {', '.join(sorted(cluster.labels))}" if cluster.labels else "it has none"
        raise JobFileError(f"{field_}: YARN has no node label '{label}'; {known}.")
    if not queue.may_use(label):
        others = [q.name for q in cluster.queues if q.takes_jobs and q.may_use(label)]
        choose = f"choose a queue that may ({', '.join(others)})" if others else "have its administrator allow it"
        raise JobFileError(
            f"{field_}: queue {queue.name} may not use nodes labelled {label}, "
            f"so its containers would wait for ever; {choose}, or leave the label out."
        )
    nodes = cluster.nodes_for(label)
    if not nodes:
        raise JobFileError(f"{field_}: no running node is labelled {label}; leave it out, or have one labelled.")
    return f"{', '.join(node.host for node in nodes)} labelled {label}; queue {queue.name} may use {_them(nodes)}"


def check_gpus(cluster: Cluster, request: Request, client_knows: bool) -> str:
    """GPUs are something that can be asked for, and some node has them.  ``client_knows``: this machine's Hadoop."""
    if not request.size.gpus:
        return ""
    here = "resource-types.xml with yarn.resource-types = yarn.io/gpu"
    if not cluster.knows_gpus:
        raise JobFileError(f"workers.gpus: YARN does not know GPUs; its administrator must add {here}, or set it to 0.")
    if not client_knows:
        raise JobFileError(
            f"workers.gpus: YARN knows GPUs, but the Hadoop configuration of this machine does not; "
            f"put {here} into HADOOP_CONF_DIR."
        )
    nodes = [node for node in cluster.nodes if node.running and node.total.gpus]
    if not nodes:
        raise JobFileError("workers.gpus: no running node has GPUs; set it to 0.")
    return ", ".join(
        f"{node.host} has {node.total.gpus}{f', label {node.label}' if node.label else ''}" for node in nodes
    )


def check_size(cluster: Cluster, queue: Queue, request: Request) -> str:
    """One container fits YARN's maximum and some node; the nodes hold as many as the job can't begin without."""
    size, label = request.size, label_of(queue, request)
    for name in _over(size, queue.largest, ("memory", "vcores", "gpus")):
        raise JobFileError(
            f"{request.section}.{name}: a container in queue {queue.name} may have "
            f"{in_words(name, getattr(queue.largest, name))} at most, "
            f"YARN's maximum allocation, not {in_words(name, getattr(size, name))}."
        )
    nodes, where = cluster.nodes_for(label), _where(label, cluster)
    if not nodes:
        raise ClusterError(f"YARN has no running node{where}; start a NodeManager, or look at its log.")
    most = largest(node.total for node in nodes)
    for name in _over(size, most, cluster.counts):
        raise JobFileError(
            f"{request.section}.{name}: no node{where} has {in_words(name, getattr(size, name))}, "
            f"the largest has {in_words(name, getattr(most, name))}{_elsewhere(cluster, request, name)}."
        )
    room = sum(_times(node.total, size, cluster.counts) for node in nodes)
    if not room:
        raise JobFileError(f"{request.section}: no node{where} has {size} at once; ask for less of one of them.")
    if room < request.least:
        raise JobFileError(f"{request.asked_by} is {request.least}, but the nodes{where} hold {room} of {size}.")
    return f"{request.role} of {size}: room for {room} on {len(nodes)} node{'s' if len(nodes) > 1 else ''}{where}"


def most_memory(cluster: Cluster, queue: Queue, request: Request) -> int:
    """The MiB of the largest container that a request could be for, everything else as it is."""
    size, label = request.size, label_of(queue, request)
    fit = [n for n in cluster.nodes_for(label) if replace(size, memory=0).fits(n.total, cluster.counts)]
    found = max((node.total.memory for node in fit), default=0)
    limits = [queue.largest, queue.shares.get(label, Share()).limit]
    return min([found, *(limit.memory for limit in limits if limit)])


def check_limits(cluster: Cluster, queue: Queue, asked: list[Request]) -> str:
    """What the job can't begin without is within what the queue may ever have."""
    told = []
    for label in sorted({label_of(queue, request) for request in asked}):
        parts = [request for request in asked if label_of(queue, request) == label]
        share, need = queue.shares.get(label, Share()), sum((r.size * r.least for r in parts), Size())
        roles = ", ".join(f"{r.least} {r.role}{'s' if r.least > 1 else ''}" for r in parts)
        if not Share(limit=share.limit).has_room(need, cluster.counts):
            raise JobFileError(
                f"queue {queue.name} may have {share.limit}{_of_label(label)}, less than the {need} of {roles}; "
                "choose another queue, or ask for less."
            )
        told.append(f"{need} for {roles} of {share.limit or 'an unknown limit'}{_of_label(label)}")
    return "; ".join(told)


def missing(cluster: Cluster, queue: Queue | None, request: Request, user: str) -> str:
    """Why a container that was asked for does not come; empty where YARN has room for it."""
    size, label = request.size, label_of(queue, request)
    if queue and not queue.may_use(label):
        return f"queue {queue.name} may not use nodes labelled {label}"
    nodes, where = cluster.nodes_for(label), _where(label, cluster)
    if not nodes:
        return f"no node{where} is running"
    used, total = sum((n.used for n in nodes), Size()), sum((n.total for n in nodes), Size())
    for name in _over(size, largest(node.free for node in nodes), cluster.counts):
        return (
            f"no node{where} has {in_words(name, getattr(size, name))} free: "
            f"{in_words(name, getattr(used, name))} of {in_words(name, getattr(total, name))} are in use"
        )
    if not any(_times(node.free, size, cluster.counts) for node in nodes):
        return f"no node{where} has {size} free at once"
    if queue and not (share := queue.shares.get(label, Share())).has_room(size, cluster.counts):
        return f"queue {queue.name} uses {share.used} of the {share.limit} that it may have{_of_label(label)}"
    if queue and not (share := queue.users.get(user, {}).get(label, Share())).has_room(Size(), cluster.counts):
        return f"{user} uses {share.used}, and one user of queue {queue.name} may have {share.limit}{_of_label(label)}"
    return ""


def room(cluster: Cluster, queue: Queue, request: Request, user: str, most: int) -> int:
    """How many containers, ``most`` at most, would come at once if they were asked for now."""
    size, label = request.size, label_of(queue, request)
    if missing(cluster, queue, request, user):
        return 0
    free = sum(_times(node.free, size, cluster.counts) for node in cluster.nodes_for(label))
    shares = queue.shares.get(label, Share()), queue.users.get(user, {}).get(label, Share())
    fits = (n for n in range(min(free, most), 0, -1) if all(s.has_room(size * n, cluster.counts) for s in shares))
    return next(fits, 0)


def master_waits(diagnostics: str) -> str:
    """What YARN says of an application whose master has not begun, in fewer words."""
    if found := _SHARE_OF_MASTERS.search(diagnostics):
        need, limit, used = (in_words("memory", int(memory)) for memory in found.groups())
        return (
            f"its master needs {need}, and the masters in its queue have {used} of the {limit} that they may have "
            "together; it waits for another to end"
        )
    if "waiting for resources to be assigned for AM" in diagnostics:
        return "no node has room for its master yet"
    if "AM container is launched" in diagnostics:
        return "its master starts"
    return diagnostics


def _over(size: Size, most: Size | None, what: Iterable[str]) -> list[str]:
    return [name for name in what if most is not None and getattr(size, name) > getattr(most, name)]


def _times(room: Size, size: Size, what: Iterable[str]) -> int:
    return max(0, min(getattr(room, name) // getattr(size, name) for name in what if getattr(size, name)))


def _where(label: str, cluster: Cluster) -> str:
    return f" labelled {label}" if label else " without a label" if cluster.labels else ""


def _of_label(label: str) -> str:
    return f" of the nodes labelled {label}" if label else ""


def _elsewhere(cluster: Cluster, request: Request, name: str) -> str:
    """A hint at labelled nodes that have enough of what those without a label lack."""
    need = getattr(request.size, name)
    found = sorted({n.label for n in cluster.nodes if n.running and n.label and getattr(n.total, name) >= need})
    if not found or request.section != "workers" or request.label:
        return ""
    return f"; nodes labelled {found[0]} have it, so set workers.node_label to {found[0]}"


def _them(nodes: list[Node]) -> str:
    return "them" if len(nodes) > 1 else "it"


def _leaves(cluster: Cluster) -> str:
    return ", ".join(sorted(queue.name for queue in cluster.queues if queue.leaf))


def _people(text: str) -> tuple[list[str], list[str]]:
    """The users and the groups of an access list, which reads 'user,user group,group'."""
    users, _, groups = text.partition(" ")
    return [[name for name in part.strip().split(",") if name] for part in (users, groups)]  # type: ignore[return-value]
