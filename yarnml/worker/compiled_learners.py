"""Learners with their compiled programs, which one training of a process leaves to the next."""

import os
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from yarnml.data.schema import Schema
from yarnml.job import user_code
from yarnml.job.learners import GradientOptions
from yarnml.job.learners.element_wise import ElementWise, is_element_wise
from yarnml.job.spec import Job, Training
from yarnml.learners.base import HidesScaling, Key, Learner, TakesPrior, updates_on_host
from yarnml.learners.element_wise import COMPILER_OPTIONS
from yarnml.learners.gradient import GradientDescent
from yarnml.learners.local_steps import LocalSteps
from yarnml.learners.named_arrays import copied_to_host
from yarnml.learners.noise import key_of
from yarnml.learners.optimizers import build_optimizer
from yarnml.learners.precision import compile_for
from yarnml.learners.registry import build_learner
from yarnml.learners.tables.base import TableLearner
from yarnml.worker.memory import available, check_fits
from yarnml.worker.program import Program
from yarnml.worker.table_program import TableProgram

MAX_COMPILED_LEARNERS = 100

AVERAGE = {"kind": "sgd", "learning_rate": 1.0}
"""The outer optimizer that makes the next parameters the average of the shards'."""


class CompiledLearner(NamedTuple):
    """A learner on a schema, with what is compiled of it so far.

    ``with_units``: of a learner that hides its scaling, None of any other.
    ``element_wise``: the rule by which parts of its state can be updated, None where they can't.
    """

    learner: Learner | TableLearner
    init: Callable[..., Any]
    program: Program | TableProgram
    with_units: Callable[..., Any] | None
    element_wise: ElementWise | None = None

    def first_state(self, schema: Schema, seed: int) -> Any:
        """The learner's state before the first step, at the prior of the label where that is known."""
        key = key_of(seed)
        if not schema.prior or not (isinstance(self.learner, TakesPrior) and self.learner.takes_prior):
            return self.init(key)
        classes = [schema.outputs] if schema.outputs else []
        prior = np.array(schema.prior, np.float32).reshape((*schema.label_shape, *classes))
        return self.init(key, prior)


class CompiledLearners:
    """The learners that a process has compiled, those that were used last.

    The trainings of a search differ in few fields, so many of them share a learner; and so do jobs that one process
    trains one after another, or at the same time.
    """

    def __init__(self) -> None:
        self._learners: OrderedDict[bytes, CompiledLearner] = OrderedDict()
        self._lock = Lock()

    def compiled(self, job: Job, schema: Schema) -> CompiledLearner:
        """The job's learner on this schema: compiled before, or made now."""
        seen = without_data(schema)
        training = job.training
        steps = training.local_steps, training.outer, training.delay
        arithmetic = training.micro_batch_size, training.gradients, steps
        key = msgspec.msgpack.encode((job.learner, seen, arithmetic, job.workers.gpus, _code_of(job)))
        with self._lock:
            if key not in self._learners:
                learner = build_learner(job.learner, seen)
                if isinstance(learner, TableLearner):
                    compiled = CompiledLearner(learner, learner.init, TableProgram(learner, seen), None)
                else:
                    compiled = _compiled(learner_of_training(learner, training), seen, job)
                self._learners[key] = compiled
            self._learners.move_to_end(key)
            while len(self._learners) > MAX_COMPILED_LEARNERS:
                self._learners.popitem(last=False)
            return self._learners[key]


def learner_of_training(learner: Learner, training: Training) -> Learner:
    """The learner with what the job's training adds to it.  Raises JobFileError for a wrong ``training.outer``."""
    if training.local_steps == 1:
        return learner
    assert isinstance(learner, GradientDescent), "the job file is refused where its learner does not descend"
    outer = build_optimizer(training.outer or AVERAGE, field="training.outer")
    return LocalSteps(learner, training.local_steps, outer, training.micro_batch_size)


def _compiled(learner: Learner, schema: Schema, job: Job) -> CompiledLearner:
    """A learner without tables, whose functions JAX compiles as a whole."""
    training = job.training
    element_wise = _element_wise(learner, job)
    options = COMPILER_OPTIONS if element_wise else None
    is_sharded = training.state == "sharded" and element_wise is not None
    check_fits(learner, available(), 0 if is_sharded else training.delay, is_sharded=is_sharded)
    keeps_states = training.delay > 0
    arithmetic = training.micro_batch_size, training.gradients
    program = Program(learner, schema, *arithmetic, keeps_states=keeps_states, update_options=options)
    init = program.init
    if updates_on_host(learner):
        init = partial(_on_host, init)
    with_units = compile_for(learner, learner.with_units) if isinstance(learner, HidesScaling) else None
    return CompiledLearner(learner, init, program, with_units, element_wise)


def _element_wise(learner: Learner, job: Job) -> ElementWise | None:
    options = job.learner
    if not isinstance(learner, GradientDescent) or job.workers.gpus or not is_element_wise(options):
        return None
    assert isinstance(options, GradientOptions), "what descends element by element has such"
    return ElementWise(optimizer=options.optimizer, l2=learner.l2)


def _on_host(init: Callable[..., Any], key: Key) -> Any:
    return copied_to_host(init(key))


def without_data(schema: Schema) -> Schema:
    """The schema as a learner is built on it: without the numbers from which features and labels are counted.

    They are taken from the rows on the host, and differ from one part of the data to the next.  The number of rows only
    bounds what a learner has room for, so that the next power of two does for all parts of about a size.
    """
    features = tuple(replace(feature, offsets=()) for feature in schema.features)
    rows = 1 << (schema.rows - 1).bit_length() if schema.rows else 0
    return replace(schema, features=features, centre=0.0, group=None, rows=rows, prior=())


def _code_of(job: Job) -> str:
    """The digest of the user's own code, which may change between two jobs of a process; empty where there is none."""
    own = [path for path in (job.learner.file, *job.environment.files) if path and os.path.exists(path)]
    return user_code.digest(own) if own else ""  # who loads a file that is not there names it
