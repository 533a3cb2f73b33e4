"""Events about a job's place on a cluster: who sent it there, what it waits for, for how long it may run."""

from msgspec import Struct

SUBMITTED = "submitted this job"


class UserAction(Struct, frozen=True, tag=True):
    """An act of a user, for whoever has to know later: ``user`` did ``action``, such as "submitted this job"."""

    user: str
    action: str


class Submitted(Struct, frozen=True, tag=True):
    """The job was sent to a cluster, where ``url`` shows it."""

    application: str
    url: str


class Pending(Struct, frozen=True, tag=True):
    """The cluster has not started the job's master yet; ``reason``: in the cluster's own words."""

    application: str
    state: str
    reason: str


class TimeLimit(Struct, frozen=True, tag=True):
    """The job's delegation tokens end at ``end``, in seconds since 1970; it stops at a checkpoint before."""

    end: float


class PageServed(Struct, frozen=True, tag=True):
    """A page at ``url`` shows the job, for as long as it runs."""

    url: str
