"""From a job file's ``learner:`` section to a learner: the family and the kind name the module."""

import importlib

from yarnml.data.schema import Schema
from yarnml.job.learners import Options
from yarnml.learners.base import Learner
from yarnml.learners.tables.base import TableLearner


def build_learner(options: Options, schema: Schema) -> Learner | TableLearner:
    """The learner of this kind for these columns.  Raises JobFileError where they don't go together."""
    family = type(options).__module__.rpartition(".")[2]
    module = importlib.import_module(f"yarnml.learners.{family}.{options.kind}")
    learner: Learner | TableLearner = module.build(options, schema)
    return learner
