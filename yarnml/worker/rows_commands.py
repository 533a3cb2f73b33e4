"""A worker's answer to each command about rows and nothing that it keeps: a stored model's, and that of a look."""

from typing import assert_never

from yarnml.control.reports import Report
from yarnml.control.scoring import (
    DescribeColumns,
    DrawSample,
    EvaluateModel,
    ExplainFeatures,
    ExplainRows,
    FindGroups,
    Predict,
    QuantiseModel,
    RowsCommand,
)
from yarnml.worker.described_columns import describe_columns
from yarnml.worker.explained_rows import explain_rows
from yarnml.worker.feature_effects import draw_sample, explain_features
from yarnml.worker.model_evaluation import evaluate_model, find_groups
from yarnml.worker.prediction import predict
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.quantisation import quantise_model
from yarnml.worker.tasks import Tasks


def answer_about_rows(command: RowsCommand, tasks: Tasks, tracker: ProgressTracker) -> Report:
    """Carry out a command that needs no state of an earlier one."""
    match command:
        case Predict():
            return predict(command, tasks, tracker)
        case FindGroups():
            return find_groups(command, tasks, tracker)
        case EvaluateModel():
            return evaluate_model(command, tasks, tracker)
        case DrawSample():
            return draw_sample(command, tasks, tracker)
        case ExplainFeatures():
            return explain_features(command, tasks, tracker)
        case ExplainRows():
            return explain_rows(command, tasks, tracker)
        case QuantiseModel():
            return quantise_model(command, tasks)
        case DescribeColumns():
            return describe_columns(command, tasks, tracker)
        case _:
            assert_never(command)
