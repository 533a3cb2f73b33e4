"""The cluster of one process."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from yarnml.clusters.inline import CLUSTER
from yarnml.control.commands import Build, Initialize, Save, ipc
from yarnml.control.reports import Saved
from yarnml.data.plan import make_plan
from yarnml.data.survey import with_findings
from yarnml.events.events import Event
from yarnml.job.load import load_job
from yarnml.master.crew import CrewStats


def test_one_worker_writes_at_once(digits_job: dict[str, Any], tmp_path: Path) -> None:
    """A checkpoint that may be written beside the training is in the report already, and nobody is told twice."""
    job = load_job(digits_job)
    events: list[Event] = []
    later: list[Saved] = []
    plan = make_plan(job)
    begin = Initialize(job, plan.datasets, {name: ipc(schema) for name, schema in plan.stored.items()}, 2)
    schema = with_findings(replace(plan.schema, classes=tuple(range(10))), {})
    assert CLUSTER.workers(job) == 1
    with CLUSTER.open_crew(job, "", events.append) as crew:
        for command in (begin, Build(schema)):
            crew.run(command, 2, later.append)
        report = crew.run(Save(str(tmp_path / "state"), beside=True), 2, later.append)[0]
        assert not crew.admit()
        assert crew.stats == CrewStats(copied_tasks=0, local_share=None)
    assert isinstance(report, Saved)
    assert (tmp_path / "state" / next(iter(report.files))).exists()
    assert later == []
