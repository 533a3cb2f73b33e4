"""The answers of YARN's REST services, as Hadoop writes them, become the plain facts of a cluster."""

import json
from typing import Any

import msgspec
import pytest

from yarnml.clusters.yarn.capacity.answers import (
    AttemptsAnswer,
    NodeLabelsAnswer,
    NodesAnswer,
    SchedulerAnswer,
)
from yarnml.clusters.yarn.capacity.resource_manager import cluster_of
from yarnml.clusters.yarn.capacity.resources import Cluster, Node, Queue, Share, Size
from yarnml.clusters.yarn.observe import processes
from yarnml.storage.answers import decode

GPU = "yarn.io/gpu"


def resource(memory: int, vcores: int, gpus: int | None = None) -> dict[str, Any]:
    """A resource as Hadoop 3.4 writes it; the GPUs are in the long form alone."""
    listed = [{"name": "memory-mb", "units": "Mi", "value": memory}, {"name": "vcores", "units": "", "value": vcores}]
    if gpus is not None:
        listed.append({"name": GPU, "units": "", "value": gpus})
    return {"memory": memory, "vCores": vcores, "resourceInformations": {"resourceInformation": listed}}


def node(host: str, **fields: Any) -> dict[str, Any]:
    node = {"rack": "/default-rack", "state": "RUNNING", "id": f"{host}:45454", "nodeHostName": host}
    return node | {"totalResource": resource(4096, 4, 0), "usedResource": resource(1024, 1, 0)} | fields


def root(*queues: dict[str, Any], kind: str = "capacityScheduler") -> dict[str, Any]:
    info = {"type": kind, "capacity": 100.0, "queueName": "root", "queueType": "parent", "queues": {"queue": queues}}
    return {"scheduler": {"schedulerInfo": info}}


def read(
    nodes: Any = None, scheduler: dict[str, Any] | None = None, labels: Any = None, access_lists: bool = True
) -> Cluster:
    """The cluster that these documents tell of."""
    return cluster_of(
        decode(json.dumps({"nodes": nodes}).encode(), NodesAnswer),
        decode(json.dumps(root() if scheduler is None else scheduler).encode(), SchedulerAnswer),
        decode(json.dumps(labels).encode(), NodeLabelsAnswer),
        access_lists=access_lists,
    )


@pytest.mark.parametrize("single", [False, True])
def test_nodes(single: bool) -> None:
    """One node comes bare or in a list; its label, its GPUs and what is in use are told."""
    document = node("w1", nodeLabels=["gpu"], totalResource=resource(4096, 4, 2))
    cluster = read({"node": document if single else [document]})
    assert cluster.nodes == (Node("w1", "gpu", Size(4096, 4, 2), Size(1024, 1, 0), running=True),)
    assert cluster.knows_gpus


def test_nodes_of_an_older_hadoop() -> None:
    """A node without labels, long form and use of resources is known by the rest; a lost one does not run."""
    cluster = read({"node": [node("w1", totalResource={"memory": 1, "vCores": 2}, usedResource=None, state="LOST")]})
    assert cluster.nodes == (Node("w1", "", Size(1, 2), Size(), running=False),)
    assert not cluster.knows_gpus
    assert cluster.counted == ("memory",)


def test_a_cluster_without_nodes() -> None:
    """No node is written as null; nothing can be said against GPUs then."""
    cluster = read(None)
    assert cluster.nodes == ()
    assert cluster.knows_gpus


@pytest.mark.parametrize(
    ("document", "labels"),
    [
        (None, {}),
        ({}, {}),
        ({"nodeLabelInfo": None}, {}),
        ({"nodeLabelInfo": {"name": "gpu", "exclusivity": "true", "activeNMs": 1}}, {"gpu": True}),
        ({"nodeLabelInfo": [{"name": "a", "exclusivity": False}, {"name": "b"}]}, {"a": False, "b": False}),
    ],
)
def test_labels(document: Any, labels: dict[str, bool]) -> None:
    """Labels come as nothing, one object or a list, and their exclusivity as a truth value or a text."""
    assert read(labels=document).labels == labels


def test_queues() -> None:
    """A queue has the access lists of those above it, and its shares and those of its users by label."""
    leaf = {
        "type": "capacitySchedulerLeafQueueInfo",
        "queueName": "default",
        "state": "RUNNING",
        "queueType": "leaf",
        "userLimitFactor": 1.5,
        "nodeLabels": ["*"],
        "defaultNodeLabelExpression": None,
        "maximumAllocation": resource(4096, 4, 2**63 - 1),
        "queueAcls": {"queueAcl": [acl("SUBMIT_APP", "alice "), acl("APPLICATION_MAX_PRIORITY", "*")]},
        "capacities": {
            "queueCapacitiesByPartition": {
                "partitionName": "",
                "effectiveMinResource": resource(2048, 2),
                "effectiveMaxResource": resource(8192, 8),
            }
        },
        "resources": {"resourceUsagesByPartition": [{"partitionName": "", "used": resource(1024, 1)}]},
        "users": {
            "user": {
                "username": "alice",
                "resources": {"resourceUsagesByPartition": {"partitionName": "", "used": resource(512, 1)}},
            }
        },
        "AMResourceLimit": {"memory": 2048, "vCores": 2},
    }
    scheduler = root(leaf)
    scheduler["scheduler"]["schedulerInfo"]["queueAcls"] = {"queueAcl": acl("ADMINISTER_QUEUE", "admin ")}
    cluster = read(scheduler=scheduler)
    above, queue = cluster.queues
    assert (above.path, above.leaf, above.submitters) == ("root", False, ("admin ",))
    assert queue == Queue(
        "default",
        "root.default",
        labels=frozenset("*"),
        submitters=("admin ", "alice "),
        largest=Size(4096, 4, 2**62),
        shares={"": Share(Size(1024, 1), Size(8192, 8))},
        users={"alice": {"": Share(Size(512, 1), Size(3072, 3))}},
    )
    assert cluster.counted == ("memory", "vcores", "gpus")


def acl(kind: str, text: str) -> dict[str, str]:
    return {"accessType": kind, "accessControlList": text}


def test_queues_of_which_little_is_told() -> None:
    """Fields that are missing or null leave a queue open and without limits; a bare queue is a list of one."""
    scheduler = root(kind="capacityScheduler")
    scheduler["scheduler"]["schedulerInfo"]["queues"] = {"queue": {"queueName": "a", "queues": None, "users": None}}
    assert read(scheduler=scheduler).queues[1] == Queue("a", "root.a")


def test_other_schedulers_tell_of_no_queues() -> None:
    """The fair scheduler's answer has another shape, which is not read."""
    scheduler = {"scheduler": {"schedulerInfo": {"type": "fairScheduler", "rootQueue": {"queueName": "root"}}}}
    assert read(scheduler=scheduler).queues == ()


@pytest.mark.parametrize("document", ['{"scheduler": 1}', '{"scheduler": {"schedulerInfo": {"queueName": {"a": 1}}}}'])
def test_an_answer_in_another_form_names_the_place(document: str) -> None:
    """A field of another type is told by its place, so that it can be reported."""
    with pytest.raises(msgspec.ValidationError, match="scheduler"):
        decode(document.encode(), SchedulerAnswer)


@pytest.mark.parametrize("single", [False, True])
def test_masters_of_an_application(single: bool) -> None:
    """Attempts that have a container are masters, the only one of an application, too; one that waits is none yet."""
    attempt = {"id": 1, "nodeHttpAddress": "w1:8042", "containerId": "c_1", "appAttemptState": "RUNNING"}
    waiting = {"id": 2, "nodeHttpAddress": None, "containerId": ""}
    document = {"appAttempts": {"appAttempt": attempt if single else [attempt, waiting]}}
    answer = decode(json.dumps(document).encode(), AttemptsAnswer)
    (master,) = processes.from_attempts(answer.app_attempts.app_attempt)
    assert (master.role, master.index, master.state, master.host, master.node) == (
        "master",
        1,
        "RUNNING",
        "w1",
        "w1:8042",
    )
