"""The resources of a cluster and the requests of a job, as plain facts.

`resource_manager` asks YARN for them, and `rules` decides by them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from yarnml.events.text import count_of
from yarnml.job.base import BaseJob
from yarnml.job.spec import size_in_bytes

EVERYBODY = "*"  # in access lists of queues, and for all labels


@dataclass(frozen=True)
class Size:
    """An amount of each resource; ``memory`` in MiB."""

    memory: int = 0
    vcores: int = 0
    gpus: int = 0

    def __add__(self, other: "Size") -> "Size":
        return Size(self.memory + other.memory, self.vcores + other.vcores, self.gpus + other.gpus)

    def __sub__(self, other: "Size") -> "Size":
        return Size(self.memory - other.memory, self.vcores - other.vcores, self.gpus - other.gpus)

    def __mul__(self, times: float) -> "Size":
        return Size(int(self.memory * times), int(self.vcores * times), int(self.gpus * times))

    def fits(self, capacity: "Size", resources: Iterable[str]) -> bool:
        """True where these resources, by the names of their fields, are within a capacity."""
        return all(getattr(self, name) <= getattr(capacity, name) for name in resources)

    def __str__(self) -> str:
        words = [in_words(f.name, getattr(self, f.name)) for f in fields(self) if getattr(self, f.name)]
        return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words or ["nothing"])


@dataclass(frozen=True)
class Node:
    """A node; ``label`` is empty where it has none."""

    host: str
    label: str
    total: Size
    used: Size = Size()
    running: bool = True

    @property
    def free(self) -> Size:
        return self.total - self.used


@dataclass(frozen=True)
class Share:
    """The part of the nodes with one label that a queue, or one user of it, uses; no ``limit`` where not known."""

    used: Size = Size()
    limit: Size | None = None

    def has_room(self, size: Size, resources: Iterable[str]) -> bool:
        """True where so much more is within the limit, counting these resources only."""
        return self.limit is None or (self.used + size).fits(self.limit, resources)


@dataclass(frozen=True)
class Queue:
    """A queue of YARN's scheduler.

    ``path``: its name after those of the queues above it, with dots.
    ``creates_children``: whether YARN makes queues below it when they are first used.
    ``labels``: those of the nodes that it may use.
    ``submitters``: access lists, its own and those above it, each 'users groups'.
    ``largest``: the largest container; None where not known.
    ``shares``: by label.
    ``users``: the shares of each user, by label.
    """

    name: str
    path: str
    state: str = "RUNNING"
    leaf: bool = True
    creates_children: bool = False
    labels: frozenset[str] = frozenset()
    default_label: str = ""
    submitters: tuple[str, ...] = (EVERYBODY,)
    largest: Size | None = None
    shares: Mapping[str, Share] = field(default_factory=dict)
    users: Mapping[str, Mapping[str, Share]] = field(default_factory=dict)

    @property
    def takes_jobs(self) -> bool:
        return self.leaf and self.state == "RUNNING"

    def may_use(self, label: str) -> bool:
        return not label or label in self.labels or EVERYBODY in self.labels


@dataclass(frozen=True)
class Cluster:
    """A cluster at one moment.

    ``labels``: whether each is exclusive.
    ``counted``: the resources that the scheduler looks at, by the names of the fields of `Size`.
    ``knows_gpus``: whether GPUs are a resource that can be requested.
    ``access_lists``: whether queues look at theirs.
    """

    nodes: tuple[Node, ...]
    queues: tuple[Queue, ...] = ()
    labels: Mapping[str, bool] = field(default_factory=dict)
    counted: tuple[str, ...] = ("memory", "vcores", "gpus")
    knows_gpus: bool = True
    access_lists: bool = True

    def nodes_for(self, label: str) -> list[Node]:
        """Running nodes for requests with this label; idle nodes of a label that is not exclusive take any request."""
        return [
            node
            for node in self.nodes
            if node.running and (node.label == label or (not label and self.labels.get(node.label) is False))
        ]


@dataclass(frozen=True)
class Request:
    """Containers of one role.

    ``section``: of the job file, for error messages.
    ``size``: of one container.
    ``minimum``: how many the job can't begin without.
    ``minimum_field``: the field of the job file that says so.
    """

    role: str
    section: str
    size: Size
    label: str = ""
    minimum: int = 1
    minimum_field: str = ""


def requests(job: BaseJob) -> list[Request]:
    """The containers that a job asks for, master first."""
    master = Request("master", "master", Size(mebibytes(job.master.memory), job.master.vcores))
    workers = job.workers
    size = Size(mebibytes(workers.memory), workers.vcores, workers.gpus)
    minimum = min(workers.min or 1, workers.count)
    worker = Request("worker", "workers", size, workers.node_label, minimum, "workers.min" if minimum > 1 else "")
    if not job.reducers.count:
        return [master, worker]
    size = Size(mebibytes(job.reducers.memory), job.reducers.vcores)
    return [master, worker, Request("reducer", "reducers", size, "", job.reducers.count, "reducers.count")]


def label_of(queue: Queue | None, request: Request) -> str:
    """The label that YARN takes for a request: without one of its own, the queue's."""
    return request.label or (queue.default_label if queue else "")


def largest(sizes: Iterable[Size]) -> Size:
    """The largest amount of each resource in any of these sizes."""
    known = list(sizes)
    return Size(max(s.memory for s in known), max(s.vcores for s in known), max(s.gpus for s in known))


def mebibytes(size: str) -> int:
    """A size of the job file in MiB, rounded up."""
    return -(-size_in_bytes(size) // 2**20)


def in_words(name: str, amount: int) -> str:
    """An amount of one resource: '1.5 GiB', '2 vcores', '1 GPU'."""
    if name == "memory":
        return f"{amount / 1024:.4g} GiB" if amount >= 1024 else f"{amount} MiB"
    return count_of(amount, {"vcores": "vcore", "gpus": "GPU"}[name])
