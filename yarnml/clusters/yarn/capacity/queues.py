"""The queue of a job: whether it exists, takes jobs and admits the user.  Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from yarnml.clusters.yarn.capacity.resources import EVERYBODY, Cluster, Queue
from yarnml.errors import JobFileError


class UnknownToYarn(Exception):
    """YARN does not tell what a rule needs to know; the message says what."""


def find_queue(cluster: Cluster, name: str) -> Queue:
    """The queue of a name or a path; JobFileError where there is none, UnknownToYarn where that can't be known."""
    if not cluster.queues:
        raise UnknownToYarn("YARN's scheduler does not tell of its queues")
    for queue in cluster.queues:
        if name in (queue.name, queue.path):
            return queue
    parent = name.rpartition(".")[0]
    if any(queue.creates_children and parent in (queue.name, queue.path) for queue in cluster.queues):
        raise UnknownToYarn(f"YARN makes the queue {name} when it is first used")
    raise JobFileError(f"queue must be one of {_leaves(cluster)}, not '{name}', which YARN does not have.")


def check_queue(cluster: Cluster, name: str, user: str) -> str:
    """Check that the queue takes applications, and takes this user's; the fact in words."""
    queue = find_queue(cluster, name)
    if not queue.leaf:
        raise JobFileError(f"queue {name} is made of other queues; choose one of {_leaves(cluster)}.")
    if queue.state != "RUNNING":
        raise JobFileError(f"queue {name} is {queue.state} and takes no jobs; choose another, or have it started.")
    if not cluster.access_lists:
        return f"{queue.path} is RUNNING, for everybody"
    if admits(queue.submitters, user) is None:
        raise UnknownToYarn(f"{queue.path} is RUNNING; it admits groups, which only YARN can look up")
    if not admits(queue.submitters, user):
        users = sorted({name for text in queue.submitters for name in _access_list(text).users})
        listed = f"only {', '.join(users)}" if users else "nobody"
        alternatives = [q.name for q in cluster.queues if q.takes_jobs and admits(q.submitters, user)]
        choose = f"choose another ({', '.join(alternatives)})" if alternatives else "choose another"
        raise JobFileError(f"queue {name} does not admit {user}, {listed}; {choose}, or ask its owner for access.")
    return f"{queue.path} is RUNNING and admits {user}"


def admits(texts: Iterable[str], user: str) -> bool | None:
    """Say whether any of these access lists names the user; None where a group decides, which only YARN knows."""
    lists = [_access_list(text) for text in texts]
    if any(EVERYBODY in (*entry.users, *entry.groups) or user in entry.users for entry in lists):
        return True
    return None if any(entry.groups for entry in lists) else False


class _AccessList(NamedTuple):
    users: list[str]
    groups: list[str]


def _access_list(text: str) -> _AccessList:
    """An access list out of Hadoop's text, 'user,user group,group'."""
    users, _, groups = text.partition(" ")
    return _AccessList(_names(users), _names(groups))


def _names(text: str) -> list[str]:
    return [name for name in text.strip().split(",") if name]


def _leaves(cluster: Cluster) -> str:
    return ", ".join(sorted(queue.name for queue in cluster.queues if queue.leaf))
