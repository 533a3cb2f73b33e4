"""The story of a look at data: have the workers count the columns of their groups, and add up what they counted."""

from typing import Any, NamedTuple

from yarnml import storage
from yarnml.checkpoint.lease import Lease
from yarnml.control.commands import DescribeColumns, ipc
from yarnml.control.reports import ColumnsDescribed
from yarnml.data.look.document import as_json, read_document
from yarnml.data.look.survey import Look, Subject, as_look, find_subject, merge_counts
from yarnml.errors import ExportError, translated
from yarnml.events.events import Listener, LookResult, Planned
from yarnml.job import paths
from yarnml.job.look import DataLook
from yarnml.master.crew import Cluster
from yarnml.master.earlier_output import earlier_end
from yarnml.master.hidden_folder import hidden_folder
from yarnml.master.locality import Locality
from yarnml.master.persistence import run_to_end
from yarnml.master.reports import all_of
from yarnml.storage import atomic

MAX_SHARDS = 1000
"""Parts that the groups are cut into, at most: enough for any number of workers, and the facts don't hang on it."""


class LookPlan(NamedTuple):
    """A look that can be made.

    ``identity``: all that decides what is seen.
    ``done``: the end of an earlier run.
    """

    subject: Subject
    identity: dict[str, Any]
    done: LookResult | None


def plan_look(job: DataLook) -> LookPlan:
    """Check everything that can be checked of a job, its data and its output."""
    section = job.look
    data = section.data if isinstance(section.data, list) else [section.data]
    subject = find_subject(data, section.format, "look.data", section.csv, section.rows)
    identity = {"data": subject.dataset.fingerprint, "rows": section.rows}
    return LookPlan(subject, identity, earlier_end(job, "file", lambda: _end(job, identity)))


def check_look(job: DataLook) -> LookResult | None:
    """Check all that can be checked of a job before any process of it starts; its end, where it came to it before."""
    Lease(job.folder, job.folder_field).check()
    return plan_look(job).done


def look_at_data(job: DataLook, cluster: Cluster, say: Listener) -> LookResult:
    """Look at all rows of some data; the same facts, to the bit, on any number of workers."""
    plan = plan_look(job)
    if plan.done:
        return plan.done
    subject = plan.subject
    shards = min(len(subject.read.places), MAX_SHARDS)
    command = DescribeColumns(subject.read, ipc(subject.columns), subject.guessed, shards)
    with hidden_folder(job, cluster, say) as (lease, record):
        record(Planned(job.name, cluster.name, {"look": subject.read.rows}, shards, cluster.workers(job), 0))
        with cluster.open_crew(job, paths.logs(job.folder), record, Locality(subject.read, shards)) as crew:
            reports = all_of(run_to_end(crew, command, shards), ColumnsDescribed)
            seen = as_look(subject, merge_counts(report.counts for report in reports))
        lease.confirm()
        _commit(job, as_json(seen, plan.identity))
        end = _result(job, seen)
        record.add(end)
    return end


def _commit(job: DataLook, document: bytes) -> None:
    """Show the output; ExportError where somebody else's is there by now."""
    with translated(ExportError, f"look.output {job.output} can't be written"):
        try:
            with atomic.create(job.output) as url:
                storage.write(url, document)
        except FileExistsError as exc:
            raise ExportError(f"look.output {job.output} appeared meanwhile; choose another file.") from exc


def _end(job: DataLook, identity: dict[str, Any]) -> LookResult | None:
    """The end in the job's output; None where that is of another job."""
    document = read_document(job.output)
    return _result(job, document.look) if document.identity == identity else None


def _result(job: DataLook, seen: Look) -> LookResult:
    return LookResult(job.name, job.output, seen.read, len(seen.columns))
