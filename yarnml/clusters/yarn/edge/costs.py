"""The cost of a job's steps on nodes with links, as `yarnml doctor` tells it."""

from yarnml.clusters.trial import expect
from yarnml.clusters.yarn.edge.encryption import Advice
from yarnml.job.spec import Job
from yarnml.master.preflight import look_ahead


def describe_costs(job: Job, link: float) -> str:
    """Expect the cost of a step by a trial, in words; `Advice` where another field would make steps shorter.

    ``link``: of each node, in bytes a second.
    """
    costs, advice = expect(look_ahead(job), link)
    if advice:
        raise Advice(" ".join(advice))
    return f"{costs.step:.3g} s, most of it is {costs.bottleneck}"
