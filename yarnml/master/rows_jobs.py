"""The stories of jobs that read rows and write one output, by the kind of the job."""

from yarnml.events.events import End, Listener
from yarnml.job.explanation import ModelExplanation
from yarnml.job.load import AnyRowsJob
from yarnml.job.look import DataLook
from yarnml.job.model_evaluation import ModelEvaluation
from yarnml.job.prediction import Prediction
from yarnml.master.crew import Cluster
from yarnml.master.explanation import check_explanation, explain
from yarnml.master.look import check_look, look_at_data
from yarnml.master.model_evaluation import check_evaluation, evaluate
from yarnml.master.prediction import check_prediction, predict


def carry_out(job: AnyRowsJob, cluster: Cluster, *, restart: bool, say: Listener) -> End:
    """Do a job on a cluster; ``restart``: forget what an earlier run of it has done."""
    match job:
        case Prediction():
            return predict(job, cluster, restart=restart, say=say)
        case ModelEvaluation():
            return evaluate(job, cluster, say)
        case ModelExplanation():
            return explain(job, cluster, say)
        case DataLook():
            return look_at_data(job, cluster, say)


def check_rows_job(job: AnyRowsJob, *, restart: bool) -> End | None:
    """Check all that can be checked of a job before any process of it starts; its end, where it came to it before."""
    match job:
        case Prediction():
            return check_prediction(job, restart=restart)
        case ModelEvaluation():
            return check_evaluation(job)
        case ModelExplanation():
            return check_explanation(job)
        case DataLook():
            return check_look(job)
