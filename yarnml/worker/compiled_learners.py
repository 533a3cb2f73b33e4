"""Learners with their compiled programs, which one training of a worker leaves to the next."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from yarnml.data.schema import Schema
from yarnml.job.spec import Job
from yarnml.learners.base import Learner
from yarnml.learners.precision import compile_for
from yarnml.learners.registry import build_learner
from yarnml.worker.first_call import FirstCall
from yarnml.worker.memory import available, check_fits
from yarnml.worker.program import Program

MAX_COMPILED_LEARNERS = 100


class CompiledLearner(NamedTuple):
    """A learner on a schema, with what is compiled of it so far."""

    learner: Learner
    init: Callable[..., Any]
    program: Program


class CompiledLearners:
    """The learners that a worker has compiled, those that were used last.

    The trainings of a search differ in few fields, so many of them share a learner.
    """

    def __init__(self) -> None:
        self._learners: OrderedDict[bytes, CompiledLearner] = OrderedDict()

    def compiled(self, job: Job, schema: Schema) -> CompiledLearner:
        """The job's learner on this schema: compiled before, or made now."""
        micro_batch_size = job.training.micro_batch_size
        gradients = job.training.gradients
        key = msgspec.msgpack.encode((job.learner, schema, micro_batch_size, gradients))
        if key not in self._learners:
            learner = build_learner(job.learner, schema)
            check_fits(learner, available())
            program = Program(learner, schema, micro_batch_size, gradients)
            init = FirstCall(compile_for(learner, learner.init), f"{program.name} init")
            self._learners[key] = CompiledLearner(learner, init, program)
        self._learners.move_to_end(key)
        while len(self._learners) > MAX_COMPILED_LEARNERS:
            self._learners.popitem(last=False)
        return self._learners[key]
