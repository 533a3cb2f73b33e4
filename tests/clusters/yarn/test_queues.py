"""The queue of a job: found by name or path, refused where it takes no jobs or does not admit the user."""

from dataclasses import replace

import pytest

from yarnml.clusters.yarn.capacity import queues
from yarnml.clusters.yarn.capacity.queues import UnknownToYarn
from yarnml.clusters.yarn.capacity.resources import Cluster, Queue
from yarnml.errors import JobFileError

DEFAULT = Queue("default", "root.default")
CLUSTER = Cluster(
    nodes=(),
    queues=(
        Queue("root", "root", leaf=False),
        DEFAULT,
        Queue("research", "root.research", submitters=(" ", "alice,carol ")),
        Queue("school", "root.school", submitters=(" ", " teachers")),
        Queue("closed", "root.closed", state="STOPPED"),
        Queue("projects", "root.projects", leaf=False, creates_children=True),
    ),
)


def refusal(rule, *arguments) -> str:  # type: ignore[no-untyped-def]
    with pytest.raises(JobFileError) as caught:
        rule(*arguments)
    return str(caught.value)


def test_queues_by_name_and_path() -> None:
    """A queue is found by its name and by its path; an unknown one is refused with those that there are."""
    assert queues.find_queue(CLUSTER, "root.default") is DEFAULT
    assert refusal(queues.find_queue, CLUSTER, "nosuch").startswith(
        "queue must be one of closed, default, research, school, not 'nosuch'"
    )
    with pytest.raises(UnknownToYarn):
        queues.find_queue(CLUSTER, "root.projects.mine")


def test_queues_that_take_no_job() -> None:
    """A queue that is stopped, has children, or does not admit the user is refused, with others to choose."""
    assert "closed is STOPPED" in refusal(queues.check_queue, CLUSTER, "closed", "bob")
    assert "root is made of other queues; choose one of" in refusal(queues.check_queue, CLUSTER, "root", "bob")
    assert "research does not admit bob, only alice, carol; choose another (default)" in refusal(
        queues.check_queue, CLUSTER, "research", "bob"
    )


def test_queues_that_admit() -> None:
    """A user who is named is admitted, and everybody where access lists are off."""
    assert "admits alice" in queues.check_queue(CLUSTER, "research", "alice")
    assert "for everybody" in queues.check_queue(replace(CLUSTER, access_lists=False), "research", "bob")


def test_who_is_admitted_may_be_unknown() -> None:
    """Groups are for YARN to judge: nothing is claimed about them."""
    with pytest.raises(UnknownToYarn):
        queues.check_queue(CLUSTER, "school", "bob")
