"""The answers of Hadoop 3.2 to 3.5, recorded by ``python -m tests.hadoop.versions``, are read alike, damaged or not."""

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hadoop.configuration import GPU_HOST, RACKS
from tests.hadoop.versions import ANSWERS
from yarnml.clusters.yarn.capacity import queues, rules
from yarnml.clusters.yarn.capacity.answers import (
    ApplicationAnswer,
    AttemptsAnswer,
    ClusterAnswer,
    NodeLabelsAnswer,
    NodesAnswer,
    SchedulerAnswer,
)
from yarnml.clusters.yarn.capacity.queues import UnknownToYarn
from yarnml.clusters.yarn.capacity.resource_manager import cluster_of
from yarnml.clusters.yarn.capacity.resources import Cluster, Request, Size
from yarnml.clusters.yarn.observe import processes
from yarnml.errors import YarnmlError
from yarnml.storage.answers import decode
from yarnml.storage.name_node_state import read_state
from yarnml.storage.webhdfs_answers import BlocksAnswer, ListAnswer, StatusAnswer

Answers = dict[str, Any]

RECORDED: dict[str, Answers] = {path.stem: json.loads(path.read_bytes()) for path in sorted(ANSWERS.glob("*.json"))}
VERSIONS = pytest.mark.parametrize("version", RECORDED)


def read(answers: Answers, name: str, answer_type: type) -> Any:
    return decode(json.dumps(answers[name]).encode(), answer_type)


def cluster(answers: Answers) -> Cluster:
    nodes = read(answers, "nodes", NodesAnswer)
    return cluster_of(nodes, read(answers, "scheduler", SchedulerAnswer), read(answers, "labels", NodeLabelsAnswer))


@VERSIONS
def test_nodes_queues_and_labels(version: str) -> None:
    """One node runs, one was lost and one shut down; the job's queue admits everybody and has a limit."""
    facts = cluster(RECORDED[version])
    assert {node.host: node.running for node in facts.nodes} == {host: host == GPU_HOST for host in RACKS}
    (running,) = (node for node in facts.nodes if node.running)
    assert (running.label, running.total.memory, running.total.vcores) == ("gpu", 4096, 4)
    assert running.total.gpus == 2 or version.startswith("3.2.")  # which does not tell
    assert facts.labels == {"gpu": True}
    assert facts.knows_gpus
    queue = queues.find_queue(facts, "default")
    assert (queue.path, queue.takes_jobs) == ("root.default", True)
    assert queue.largest == Size(4096, 4, queue.largest.gpus if queue.largest else 0)
    with pytest.raises(YarnmlError, match="without a label"):
        rules.check_size(facts, queue, Request("worker", "workers", Size(1024, 1)))


@VERSIONS
def test_a_job_and_its_masters(version: str) -> None:
    """The state of the ResourceManager, the logs of an application that has ended, and its only attempt."""
    answers = RECORDED[version]
    info = read(answers, "info", ClusterAnswer).cluster_info
    assert (info.ha_state, info.started_on > 0) == ("ACTIVE", True)
    assert read(answers, "application", ApplicationAnswer).app.log_aggregation_status
    (master,) = processes.from_attempts(read(answers, "attempts", AttemptsAnswer).app_attempts.app_attempt)
    assert (master.role, master.index) == ("master", 1)
    assert master.state in ("FINISHED", "ENDED")  # as the version tells, or by the time of its end
    assert master.host == master.node.split(":")[0]
    assert master.host in RACKS


@VERSIONS
def test_files(version: str) -> None:
    """A file's length and the hosts of its block, the files of a folder, and the NameNode's own state."""
    answers = RECORDED[version]
    entry = read(answers, "GETFILESTATUS", StatusAnswer).file_status.entry("/x")
    listed = read(answers, "LISTSTATUS", ListAnswer).file_statuses.file_status
    assert [status.path_suffix for status in listed] == [f"part-{number}.parquet" for number in range(4)]
    assert entry == listed[0].entry("/x")
    (block,) = read(answers, "GETFILEBLOCKLOCATIONS", BlocksAnswer).block_locations.block_location
    assert block.block().length == entry.size
    assert dict(zip(block.block().hosts, block.block().racks, strict=True)).items() <= RACKS.items()
    assert read_state(json.dumps(answers["NameNodeStatus"]).encode()) == "is active"


def members(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all members of all objects in a document."""
    if isinstance(value, dict | list):
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(value, dict):
                yield (*path, name)
            yield from members(part, (*path, name))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_whatever_is_left_out_or_null(data: st.DataObject) -> None:
    """An answer without some of its fields, or with nothing in them, is read; the rules judge or pass."""
    answers = copy.deepcopy(RECORDED[data.draw(st.sampled_from(sorted(RECORDED)))])
    name = data.draw(st.sampled_from(["info", "nodes", "scheduler", "labels", "application", "attempts"]))
    for path in data.draw(st.lists(st.sampled_from(sorted(members(answers[name]), key=str)), max_size=8)):
        with suppress(LookupError, TypeError):  # what is above it has gone
            holder = answers[name]
            for step in path[:-1]:
                holder = holder[step]
            del holder[path[-1]]
            if (left := data.draw(st.sampled_from(["nothing", None, {}, ""]))) != "nothing":
                holder[path[-1]] = left
    assert read(answers, "info", ClusterAnswer).cluster_info.started_on >= 0
    assert isinstance(read(answers, "application", ApplicationAnswer).app.log_aggregation_status, str)
    processes.from_attempts(read(answers, "attempts", AttemptsAnswer).app_attempts.app_attempt)
    facts = cluster(answers)
    request = Request("worker", "workers", Size(1024, 1))
    with suppress(YarnmlError, UnknownToYarn):
        queue = queues.find_queue(facts, "default")
        rules.check_size(facts, queue, request)
        rules.check_limits(facts, queue, [request])
    with suppress(YarnmlError, UnknownToYarn):
        queues.check_queue(facts, "default", "ann")
