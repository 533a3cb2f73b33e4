"""The arrays of an earlier training that a new one starts from, also where its owners wrote them in parts."""

from collections.abc import Mapping
from typing import Any

import jax
from msgspec.structs import replace

from yarnml.checkpoint.manifest import read_manifest
from yarnml.checkpoint.start import read_start
from yarnml.checkpoint.state_files import table_files
from yarnml.data.schema import Schema
from yarnml.errors import CheckpointError, translated
from yarnml.job import paths
from yarnml.job.fields import defaults
from yarnml.job.learners import GradientOptions, Options
from yarnml.job.learners.element_wise import ElementWise
from yarnml.job.start import Start
from yarnml.learners.gradient import GradientDescent
from yarnml.learners.named_arrays import tensors
from yarnml.learners.noise import key_of
from yarnml.learners.registry import build_learner
from yarnml.reduce.owner_files import read_rows
from yarnml.storage.integrity import TornFile
from yarnml.worker.parameter_rows import BLOCK, ParameterRows
from yarnml.worker.state_arrays import Arrays


def read_earlier(start: Start, learner: Options) -> tuple[Arrays, Schema]:
    """Do as `yarnml.checkpoint.start.read_start`, with the arrays of all parts.

    ``learner``: options of the new training's, which differs from the earlier one in what starts may differ in.
    """
    arrays, before = read_start(start)
    if start.is_model or not isinstance(learner, GradientOptions):
        return arrays, before
    layers = table_files(start.folder)
    if not any(paths.part_of_table(name) for layer in layers for name in layer.files):
        return arrays, before
    sentence = f"start_from: the parts in {start.folder} can't be read"
    with translated(CheckpointError, sentence, also=(TornFile, KeyError, ValueError)):
        optimizer = _optimizer(read_manifest(start.folder).identity, learner)
        options: Any = replace(learner, optimizer=optimizer)
        earlier = build_learner(options, before)
        assert isinstance(earlier, GradientDescent), "no other learner without keys has a state in parts"
        form = jax.eval_shape(earlier.init, key_of(0))
        rows = ParameterRows(form, ElementWise(optimizer=optimizer))
        return arrays | tensors(rows.restored(read_rows(layers, 0, 2**64)[BLOCK])), before


def _optimizer(identity: Mapping[str, Any], learner: GradientOptions) -> dict[str, Any]:
    """The optimizer of an earlier training's job."""
    optimizer = identity.get("learner.optimizer", defaults(learner)["optimizer"])
    assert isinstance(optimizer, dict)
    return optimizer
