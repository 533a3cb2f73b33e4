"""From a job file's ``learner:`` section to a learner: the kind names the module."""

import importlib

from yarnml.data.schema import Schema
from yarnml.learners.base import Learner
from yarnml.learners.options import Options


def build_learner(options: Options, schema: Schema) -> Learner:
    """The learner of this kind for these columns.  Raises JobFileError where they don't go together."""
    module = importlib.import_module(f"yarnml.learners.{options.kind}")
    learner: Learner = module.build(options, schema)
    return learner
