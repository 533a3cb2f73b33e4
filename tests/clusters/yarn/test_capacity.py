"""Rules about a cluster's resources: whether a job can run, and what its containers wait for, from plain facts."""

from dataclasses import replace

import pytest

from yarnml.clusters.yarn.capacity import queues, rules
from yarnml.clusters.yarn.capacity.resources import Cluster, Node, Queue, Request, Share, Size, requests
from yarnml.errors import ClusterError, JobFileError
from yarnml.job.load import load_job

GIB = 1024
NODE = Size(4 * GIB, 4)
CLUSTER = Cluster(
    nodes=(
        Node("a", "", NODE),
        Node("b", "", NODE),
        Node("c", "gpu", Size(4 * GIB, 4, 2)),
    ),
    queues=(
        Queue("root", "root", leaf=False),
        Queue(
            "default",
            "root.default",
            labels=frozenset({"gpu"}),
            largest=Size(4 * GIB, 4, 10**9),
            shares={"": Share(Size(), Size(8 * GIB, 8)), "gpu": Share(Size(), Size(4 * GIB, 4, 2))},
        ),
        Queue("research", "root.research", submitters=(" ", "alice,carol ")),
        Queue("school", "root.school", submitters=(" ", " teachers")),
        Queue("closed", "root.closed", state="STOPPED"),
        Queue("projects", "root.projects", leaf=False, creates_children=True),
    ),
    labels={"gpu": True, "fast": True},
)
DEFAULT = queues.find_queue(CLUSTER, "default")
SMALL = Request("worker", "workers", Size(GIB, 1))


def worker(memory: float = 1, vcores: int = 1, gpus: int = 0, label: str = "", minimum: int = 1) -> Request:
    return Request("worker", "workers", Size(int(memory * GIB), vcores, gpus), label, minimum, "workers.min")


def with_used(**used: Size) -> Cluster:
    """The cluster with so much of its nodes in use."""
    return replace(CLUSTER, nodes=tuple(replace(n, used=used.get(n.host, Size())) for n in CLUSTER.nodes))


def refusal(rule, *arguments, error=JobFileError) -> str:  # type: ignore[no-untyped-def]
    with pytest.raises(error) as caught:
        rule(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (Size(), "nothing"),
        (Size(256), "256 MiB"),
        (Size(1536, 1), "1.5 GiB and 1 vcore"),
        (Size(2048, 2, 1), "2 GiB, 2 vcores and 1 GPU"),
    ],
)
def test_sizes_in_words(size: Size, words: str) -> None:
    """A size is told in the words of the job file, without what is none of it."""
    assert str(size) == words


def test_requests_of_a_job() -> None:
    """A job asks for a master, for as many workers as it can't begin without, and for all reducers."""
    source = {"name": "j", "data": {"train": "x.csv", "features": ["x"], "label": "y"}, "learner": {"kind": "mlp"}}
    workers = {"count": 8, "min": 3, "memory": "1.5 GiB", "gpus": 1, "node_label": "gpu"}
    assert requests(load_job(source | {"workers": workers, "reducers": {"count": 2}})) == [
        Request("master", "master", Size(GIB, 1)),
        Request("worker", "workers", Size(1536, 1, 1), "gpu", 3, "workers.min"),
        Request("reducer", "reducers", Size(GIB, 1), "", 2, "reducers.count"),
    ]


def test_labels() -> None:
    """A label must exist, have a running node, and be open to the queue."""
    assert rules.check_label(CLUSTER, DEFAULT, SMALL) == ""
    assert "c labelled gpu" in rules.check_label(CLUSTER, DEFAULT, worker(label="gpu"))
    assert "no node label 'x'; it has fast, gpu" in refusal(rules.check_label, CLUSTER, DEFAULT, worker(label="x"))
    research = queues.find_queue(CLUSTER, "research")
    assert (
        "research may not use nodes labelled gpu, so its containers would wait for ever; choose a queue that may"
        in (refusal(rules.check_label, CLUSTER, research, worker(label="gpu")))
    )
    every = replace(DEFAULT, labels=frozenset({"*"}))
    assert "no running node is labelled fast" in refusal(rules.check_label, CLUSTER, every, worker(label="fast"))


def test_gpus() -> None:
    """GPUs must be known to YARN and to this machine, and some node must have them."""
    ask = worker(gpus=1, label="gpu")
    assert rules.check_gpus(CLUSTER, SMALL, False) == ""
    assert rules.check_gpus(CLUSTER, ask, True) == "c has 2, label gpu"
    assert "YARN does not know GPUs" in refusal(rules.check_gpus, replace(CLUSTER, knows_gpus=False), ask, True)
    assert "of this machine does not" in refusal(rules.check_gpus, CLUSTER, ask, False)
    assert "no running node has GPUs" in refusal(rules.check_gpus, replace(CLUSTER, nodes=CLUSTER.nodes[:2]), ask, True)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (worker(5), "workers.memory: a container in queue default may have 4 GiB at most"),
        (worker(vcores=9), "workers.vcores: a container in queue default may have 4 vcores at most"),
        (worker(gpus=1), "workers.gpus: no node without a label has 1 GPU, the largest has 0 GPUs; nodes labelled gpu"),
        (worker(gpus=3, label="gpu"), "workers.gpus: no node labelled gpu has 3 GPUs, the largest has 2 GPUs."),
        (worker(3, minimum=3), "workers.min is 3, but the nodes without a label hold 2 of 3 GiB and 1 vcore"),
    ],
)
def test_sizes_that_never_fit(request_: Request, words: str) -> None:
    """A size over YARN's maximum or the largest node, or a number over all nodes, is refused by its field."""
    assert words in refusal(rules.check_size, CLUSTER, DEFAULT, request_)


@pytest.mark.parametrize(
    ("request_", "queue", "gibibytes"),
    [
        (worker(1), DEFAULT, 4),
        (worker(1), replace(DEFAULT, largest=Size(3 * GIB, 4)), 3),
        (worker(1), replace(DEFAULT, shares={"": Share(limit=Size(2 * GIB, 8))}), 2),
        (worker(1, gpus=1, label="gpu"), DEFAULT, 4),
        (worker(1, gpus=1), DEFAULT, 0),
    ],
)
def test_the_most_memory(request_: Request, queue: Queue, gibibytes: int) -> None:
    """A container can grow to the largest node that has the rest of it, to YARN's maximum and to the queue's limit."""
    assert rules.largest_memory(CLUSTER, queue, request_) == gibibytes * GIB


def test_what_no_node_has_at_once() -> None:
    """Memory on one node and vcores on another make no container."""
    nodes = (Node("a", "", Size(8 * GIB, 1)), Node("b", "", Size(1 * GIB, 8)))
    sentence = refusal(rules.check_size, Cluster(nodes), Queue("q", "root.q"), worker(4, 4))
    assert sentence == "workers: no node has 4 GiB and 4 vcores at once; ask for less of one of them."


def test_vcores_that_nobody_counts() -> None:
    """A node runs out of memory only, under a scheduler that looks at memory alone."""
    memory_only = replace(CLUSTER, counted=("memory",))
    assert "room for 8" in rules.check_size(memory_only, replace(DEFAULT, largest=None), worker(1, 8))


def test_no_node_at_all() -> None:
    """Without a running node the cluster is at fault, not the job."""
    down = Cluster(tuple(replace(node, running=False) for node in CLUSTER.nodes))
    assert "no running node" in refusal(rules.check_size, down, DEFAULT, SMALL, error=ClusterError)


def test_idle_nodes_of_shared_labels() -> None:
    """Nodes of a label that is not exclusive also run what asks for no label."""
    shared = replace(CLUSTER, labels={"gpu": False})
    assert "on 3 nodes" in rules.check_size(shared, DEFAULT, SMALL)
    assert "on 2 nodes" in rules.check_size(CLUSTER, DEFAULT, SMALL)


def test_the_queues_own_label() -> None:
    """A request without a label gets its queue's."""
    labelled = replace(DEFAULT, default_label="gpu")
    assert "on 1 node labelled gpu" in rules.check_size(CLUSTER, labelled, SMALL)


def test_limits_of_a_queue() -> None:
    """All that a job can't begin without must be within what the queue may ever have, label by label."""
    master = Request("master", "master", Size(GIB, 1))
    assert "3 GiB" in rules.check_limits(CLUSTER, DEFAULT, [master, worker(2)])
    sentence = refusal(rules.check_limits, CLUSTER, DEFAULT, [master, worker(4, minimum=2)])
    assert sentence.startswith(
        "queue default may have 8 GiB and 8 vcores, less than the 9 GiB and 3 vcores of 1 master, 2"
    )
    labelled = rules.check_limits(CLUSTER, DEFAULT, [master, worker(4, label="gpu")])
    assert "of the nodes labelled gpu" in labelled


@pytest.mark.parametrize(
    ("used", "request_", "words"),
    [
        (
            {"c": Size(2 * GIB, 2, 2)},
            worker(gpus=1, label="gpu"),
            "no node labelled gpu has 1 GPU free: 2 GPUs of 2 GPUs are in use",
        ),
        (
            {"a": Size(3 * GIB, 1), "b": Size(2 * GIB, 1)},
            worker(3),
            "no node without a label has 3 GiB free: 5 GiB of 8 GiB are in use",
        ),
        ({"a": Size(3 * GIB, 0), "b": Size(0, 3)}, worker(2, 2), "no node without a label has 2 GiB and 2 vcores free"),
        ({}, worker(), ""),
    ],
)
def test_what_is_missing(used: dict[str, Size], request_: Request, words: str) -> None:
    """Containers that do not come are told by what no node has free."""
    sentence = rules.why_pending(with_used(**used), DEFAULT, request_, "bob")
    assert sentence.startswith(words) if words else not sentence


def test_what_the_queue_lacks() -> None:
    """If nodes have room, the queue's limit, the user's limit or the label may be why nothing comes."""
    full = replace(DEFAULT, shares={"": Share(Size(7 * GIB, 1), Size(8 * GIB, 8))})
    assert rules.why_pending(CLUSTER, full, worker(2), "bob") == (
        "queue default uses 7 GiB and 1 vcore of the 8 GiB and 8 vcores that it may have"
    )
    user = replace(DEFAULT, users={"bob": {"": Share(Size(5 * GIB, 3), Size(4 * GIB, 4))}})
    assert rules.why_pending(CLUSTER, user, worker(2), "bob") == (
        "bob uses 5 GiB and 3 vcores, and one user of queue default may have 4 GiB and 4 vcores"
    )
    assert not rules.why_pending(CLUSTER, user, worker(2), "alice")
    research = queues.find_queue(CLUSTER, "research")
    assert "research may not use" in rules.why_pending(CLUSTER, research, worker(label="gpu"), "alice")


@pytest.mark.parametrize(
    ("diagnostics", "words"),
    [
        (
            "[Sat Nov 21 14:23:49 +0000 2026] Application is added to the scheduler and is not yet activated. "
            "Queue's AM resource limit exceeded. Details : AM Partition = <DEFAULT_PARTITION>; "
            "AM Resource Request = <memory:1024, vCores:1>; Queue Resource Limit for AM = <memory:4096, vCores:4>; "
            "User AM Resource Limit of the queue = <memory:4096, vCores:4>; "
            "Queue AM Resource Usage = <memory:3584, vCores:1>;",
            "its master needs 1 GiB, and the masters in its queue have 3.5 GiB of the 4 GiB that they may have "
            "together; it waits for another to end",
        ),
        (
            "[Sat Nov 21 14:24:09 +0000 2026] Application is Activated, waiting for resources to be assigned for AM. "
            "Details : AM Partition = <DEFAULT_PARTITION> ; Partition Resource = <memory:8192, vCores:8> ;",
            "no node has room for its master yet",
        ),
        ("AM container is launched, waiting for AM container to Register with RM", "its master starts"),
        ("something else", "something else"),
    ],
)
def test_what_a_master_waits_for(diagnostics: str, words: str) -> None:
    """YARN's long words about an application that waits become the sentence that matters."""
    assert rules.why_master_waits(diagnostics) == words
