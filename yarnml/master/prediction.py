"""The story of a job that predicts: the workers write a file for each shard, which all appear at once.

Until the end all is in a hidden folder beside the output, `Prediction.folder`:

* ``prediction.json``: what decides the bytes of the files; a job that differs begins anew
* ``parts/``: the files, and at last ``_SUCCESS``; it becomes the output by one rename
* ``history/``: what happened, which stays
"""

import time
from typing import Any, NamedTuple

import msgspec

from yarnml import storage
from yarnml.checkpoint.lease import Lease
from yarnml.control.commands import Predict
from yarnml.control.reports import Predicted as Counts
from yarnml.data.output_columns import prediction_columns, probability_columns
from yarnml.errors import ExportError, Interrupted, JobFileError, translated
from yarnml.events.events import Listener, Planned, Predicted
from yarnml.job import paths
from yarnml.job.prediction import Prediction
from yarnml.master.crew import Cluster, Crew
from yarnml.master.earlier_output import UNREADABLE, is_there
from yarnml.master.hidden_folder import clear
from yarnml.master.locality import Locality
from yarnml.master.persistence import run_to_end
from yarnml.master.recording import recorded
from yarnml.master.reports import first_of
from yarnml.master.scoring_plan import ScoringPlan, Source, plan_scoring, shards_of
from yarnml.model import versions
from yarnml.model.versions import packages
from yarnml.watch.history import pieces

FORMAT = "yarnml-prediction/1"

LEARNERS = {"leaves": ("tree", "forest", "boosting"), "distances": ("kmeans",)}
"""Columns on request, and the kinds of learners whose models have them."""


class PredictionPlan(NamedTuple):
    """A job that can be done.

    ``identity``: all that decides the bytes of the files.
    ``done``: its end, where an earlier run came to it.
    """

    job: Prediction
    scoring: ScoringPlan
    shards: int
    identity: dict[str, Any]
    done: Predicted | None

    @property
    def parts(self) -> str:
        return storage.join(self.job.folder, paths.PARTS)


def plan_prediction(job: Prediction) -> PredictionPlan:
    """Check everything that can be checked of a job, its model, its rows and its output."""
    predict = job.predict
    kept = [("predict.keep", name) for name in predict.keep]
    scoring = plan_scoring(predict.model, Source("predict.data", predict.data, predict.format, predict.csv), kept)
    _check_learner(job, scoring)
    for name in {*predict.keep} & {*prediction_columns(scoring.schema), *probability_columns(scoring.schema)}:
        raise JobFileError(f"predict.keep can't keep a column '{name}': the output has one of that name.")
    shards = shards_of(scoring.dataset.rows, predict.shards)
    identity = {
        "format": FORMAT,
        "model": scoring.digest,
        "data": scoring.dataset.fingerprint,
        "columns": str(scoring.columns),
        "keep": predict.keep,
        "probabilities": predict.probabilities,
        "on_error": predict.error_mode,
        "shards": shards,
        "vcores": job.workers.vcores,
        "packages": packages(),
        **{name: True for name in LEARNERS if getattr(predict, name)},  # outputs of earlier versions have neither
    }
    return PredictionPlan(job, scoring, shards, identity, _earlier(job, scoring, identity))


def _check_learner(job: Prediction, scoring: ScoringPlan) -> None:
    """Refuse columns that the model can't have."""
    kind = versions.description(scoring.folder).learner["kind"]
    for name, kinds in LEARNERS.items():
        if getattr(job.predict, name) and kind not in kinds:
            raise JobFileError(f"predict.{name}: models of {', '.join(kinds)} have them, not of {kind}; remove it.")


def predict(job: Prediction, cluster: Cluster, *, restart: bool = False, say: Listener) -> Predicted:
    """Predict all rows of a job on a cluster, or go on where an earlier run stopped; returns how it ended.

    Raises a YarnmlError for everything that can go wrong; the output is whole or not there.
    """
    began = time.monotonic()
    lease = Lease(job.folder, job.folder_field)
    lease.check()
    plan = plan_prediction(job)
    if plan.done:
        return plan.done
    rows = plan.scoring.dataset.rows
    planned = Planned(job.name, cluster.name, {"predict": rows}, plan.shards, cluster.workers(job), 0)
    try:
        with storage.patience(), lease.held():
            _prepare(plan, restart=restart)
            with recorded(job, cluster, say) as record:
                record(planned)
                locality = Locality(plan.scoring.dataset, plan.shards)
                with cluster.open_crew(job, paths.logs(job.folder), record, locality) as crew:
                    counts = _write_files(plan, crew)
                    local = crew.stats.local_share
                lease.confirm()
                end = _end(job, plan.scoring, counts, plan.shards, seconds=time.monotonic() - began, local=local)
                _commit(plan, end)
                record.add(end)
    except KeyboardInterrupt:
        raise Interrupted("The files that are done are kept. Run the same command again to continue.") from None
    with translated(ExportError, f"{job.folder} can't be removed"):
        clear(job)
    return end


def check_prediction(job: Prediction, *, restart: bool) -> Predicted | None:
    """Check all that can be checked of a job before any process of it starts; its end, where it came to it before.

    ``restart``: forget what an earlier run has done.
    """
    Lease(job.folder, job.folder_field).check()
    plan = plan_prediction(job)
    if not plan.done:
        _prepare(plan, restart=restart)
    return plan.done


def _earlier(job: Prediction, scoring: ScoringPlan, identity: dict[str, Any]) -> Predicted | None:
    """Return the end of an earlier run of this job, None where there is no output; refuse any other output."""
    if not is_there(job):
        return None
    remedy = "choose another folder, or remove it"
    try:
        document = msgspec.json.decode(storage.read(storage.join(job.output, paths.SUCCESS)))
        before = document["identity"]
        counts = msgspec.convert(document["counts"], Counts)
    except UNREADABLE as exc:
        raise ExportError(f"predict.output {job.output} exists and holds no predictions of yarnml; {remedy}.") from exc
    if differences := [name for name in identity if before.get(name) != identity[name]]:
        raise ExportError(
            f"predict.output {job.output} holds other predictions: {', '.join(differences)} changed; {remedy}."
        )
    return _end(job, scoring, counts, identity["shards"], already=True)


def _prepare(plan: PredictionPlan, *, restart: bool) -> None:
    """Make the hidden folder ready; what another job, or with ``restart`` an earlier run, has left in it is removed."""
    with translated(ExportError, f"predict.output {plan.job.output} can't be written"):
        file = storage.join(plan.job.folder, paths.PREDICTION)
        document = msgspec.json.format(msgspec.json.encode(plan.identity))
        if restart or not storage.exists(file) or storage.read(file) != document:
            storage.remove(plan.parts)
            pieces.forget(plan.job.folder)
            storage.write(file, document)


def _write_files(plan: PredictionPlan, crew: Crew) -> Counts:
    """Have the workers write all files that are not there yet, again after each loss."""
    job = plan.job
    scoring = plan.scoring.scoring(plan.shards, job.predict.error_mode, job.workers)
    predict = job.predict
    command = Predict(
        scoring, plan.parts, predict.keep, predict.probabilities, leaves=predict.leaves, distances=predict.distances
    )
    return first_of(run_to_end(crew, command, plan.shards), Counts)


def _commit(plan: PredictionPlan, end: Predicted) -> None:
    """Show the output; ExportError where somebody else's is there by now."""
    job = plan.job
    counts = msgspec.to_builtins(Counts(end.rows, end.nulls))
    document = {"format": FORMAT, "model": end.model, "counts": counts, "identity": plan.identity}
    with translated(ExportError, f"predict.output {job.output} can't be written"):
        success = msgspec.json.format(msgspec.json.encode(document))
        storage.write(storage.join(plan.parts, paths.SUCCESS), success)
        try:
            storage.rename(plan.parts, job.output)
        except FileExistsError as exc:
            raise ExportError(f"predict.output {job.output} appeared meanwhile; choose another folder.") from exc


def _end(
    job: Prediction,
    scoring: ScoringPlan,
    counts: Counts,
    shards: int,
    *,
    seconds: float = 0.0,
    local: float | None = None,
    already: bool = False,
) -> Predicted:
    return Predicted(job.name, job.output, scoring.folder, counts.rows, counts.nulls, shards, seconds, local, already)
