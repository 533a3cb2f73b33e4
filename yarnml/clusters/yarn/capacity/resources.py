"""What YARN has and what a job asks of it, as plain facts: `manager` asks YARN for them, `rules` decides by them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from yarnml.job.spec import Job, size_in_bytes

EVERYBODY = "*"  # in access lists of queues, and for all labels


@dataclass(frozen=True)
class Size:
    """``memory`` in MiB."""

    memory: int = 0
    vcores: int = 0
    gpus: int = 0

    def __add__(self, other: "Size") -> "Size":
        return Size(self.memory + other.memory, self.vcores + other.vcores, self.gpus + other.gpus)

    def __sub__(self, other: "Size") -> "Size":
        return Size(self.memory - other.memory, self.vcores - other.vcores, self.gpus - other.gpus)

    def __mul__(self, times: float) -> "Size":
        return Size(int(self.memory * times), int(self.vcores * times), int(self.gpus * times))

    def fits(self, room: "Size", what: Iterable[str]) -> bool:
        return all(getattr(self, name) <= getattr(room, name) for name in what)

    def __str__(self) -> str:
        words = [in_words(f.name, getattr(self, f.name)) for f in fields(self) if getattr(self, f.name)]
        return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words or ["nothing"])


@dataclass(frozen=True)
class Node:
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
    """What a queue, or one user of it, has and may have of the nodes with one label; no ``limit`` where not told."""

    used: Size = Size()
    limit: Size | None = None

    def has_room(self, size: Size, what: Iterable[str]) -> bool:
        return self.limit is None or (self.used + size).fits(self.limit, what)


@dataclass(frozen=True)
class Queue:
    """``submitters``: access lists, its own and those above it, each 'users groups'.

    ``shares``: by label; ``users``: those of each user.
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
    """``labels``: whether each is exclusive.  ``counts``: the parts of a size that the scheduler looks at."""

    nodes: tuple[Node, ...]
    queues: tuple[Queue, ...] = ()
    labels: Mapping[str, bool] = field(default_factory=dict)
    counts: tuple[str, ...] = ("memory", "vcores", "gpus")
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
    """Containers of one role.  ``least``: without so many the job never begins, as ``asked_by`` says."""

    role: str
    section: str
    size: Size
    label: str = ""
    least: int = 1
    asked_by: str = ""


def requests(job: Job) -> list[Request]:
    """What a job asks of YARN."""
    workers, reducers, master = job.workers, job.reducers, job.master
    size = Size(mebibytes(workers.memory), workers.vcores, workers.gpus)
    least = min(workers.min or 1, workers.count)
    found = [Request("master", "master", Size(mebibytes(master.memory), master.vcores))]
    found.append(Request("worker", "workers", size, workers.node_label, least, "workers.min" if least > 1 else ""))
    if reducers.count:
        size = Size(mebibytes(reducers.memory), reducers.vcores)
        found.append(Request("reducer", "reducers", size, "", reducers.count, "reducers.count"))
    return found


def label_of(queue: Queue | None, request: Request) -> str:
    """The label that YARN takes for a request: without one of its own, the queue's."""
    return request.label or (queue.default_label if queue else "")


def largest(sizes: Iterable[Size]) -> Size:
    """The most of each part that any of these sizes has."""
    known = list(sizes)
    return Size(max(s.memory for s in known), max(s.vcores for s in known), max(s.gpus for s in known))


def mebibytes(size: str) -> int:
    return -(-size_in_bytes(size) // 2**20)


def in_words(name: str, amount: int) -> str:
    """'1.5 GiB', '2 vcores', '1 GPU'."""
    if name == "memory":
        return f"{amount / 1024:.4g} GiB" if amount >= 1024 else f"{amount} MiB"
    one = {"vcores": "vcore", "gpus": "GPU"}[name]
    return f"{amount} {one}{'' if amount == 1 else 's'}"
