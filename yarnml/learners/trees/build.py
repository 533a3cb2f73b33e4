"""The learner of trees for options and columns, or the sentence that says why they do not go together."""

import numpy as np

from yarnml.data.arrays import Array
from yarnml.data.placed import MAX_ROWS
from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import MAX_LEAVES, SKETCH_PASSES, TreeLearner
from yarnml.learners.trees.among import AmongRows
from yarnml.learners.trees.ensemble import Ensemble
from yarnml.learners.trees.objectives import Objective
from yarnml.learners.trees.rule import Columns, Rule, Size

MAX_SUMS = 1 << 27
"""The most numbers in the sums of one pass: 1 GiB."""
USUAL_SUMS = 1 << 21
"""Numbers in the sums of a pass that grows trees without a bound on their depth, a part of a level at a time."""

MAX_QUANTILES = 1 << 12
"""The most leaves of a round's trees whose leaves are quantiles, each of which adds up several hundred numbers."""

_TREND = {None: 0, "increasing": 1, "decreasing": -1}


def build_trees(objective: Objective, rule: Rule, options: TreeLearner, schema: Schema) -> Ensemble:
    """The learner of ``rule`` for these columns; JobFileError where they and the options do not go together."""
    single = [f.name for f in schema.features if f.width == 1]
    for name, option in [(n, "categorical") for n in options.categorical] + [(n, "monotone") for n in options.monotone]:
        if name not in single:
            raise JobFileError(
                f"learner.{option}: '{name}' is none of data.features that hold one number ({', '.join(single)})."
            )
    if both := set(options.categorical) & set(options.monotone):
        raise JobFileError(
            f"learner.monotone: '{min(both)}' is in learner.categorical too, but categories have no order; remove one."
        )
    if options.monotone and (schema.outputs > 2 or schema.label_shape):
        reason = f"'{schema.label}' has {schema.outputs}" if schema.outputs > 2 else "there are several labels"
        raise JobFileError(f"learner.monotone needs a number or two classes; {reason}.")
    if schema.label_type == "class" and schema.outputs < 2:
        raise JobFileError(
            f"learner.kind {options.kind} needs two classes or more; '{schema.label}' has {schema.outputs}."
        )
    names = [f.name for f in schema.features for _ in range(f.width)]
    categorical = np.array([name in options.categorical for name in names])
    trend = np.array([_TREND[options.monotone.get(name)] for name in names], np.float32)
    first_pass = (options.passes.least - 1) * options.passes.per_epoch if rule.passes else SKETCH_PASSES
    if isinstance(objective, AmongRows) and schema.rows > MAX_ROWS:
        raise JobFileError(
            f"learner.objective {getattr(options, 'objective', '')} brings the scores of all rows together, and is for "
            f"{MAX_ROWS} of them at most; set data.limit."
        )
    groups = _groups(options, schema, names)
    size = _size(objective, rule, schema)
    return Ensemble(objective, rule, Columns(categorical, trend, groups), size, first_pass, schema.rows)


def _groups(options: TreeLearner, schema: Schema, names: list[str]) -> Array | None:
    """The groups of features that may interact [groups, numbers of a row], where the options name some.

    A column that is in no group is one by itself.
    """
    if not options.interactions:
        return None
    known = [feature.name for feature in schema.features]
    named = [name for group in options.interactions for name in group]
    if unknown := [name for name in named if name not in known]:
        raise JobFileError(f"learner.interactions: '{unknown[0]}' is none of data.features ({', '.join(known)}).")
    groups = [*options.interactions, *([name] for name in known if name not in named)]
    return np.array([[name in group for name in names] for group in groups])


def _size(objective: Objective, rule: Rule, schema: Schema) -> Size:
    """Bounds on the nodes of a tree, none of which is without rows."""
    rows = schema.rows or MAX_LEAVES
    room = MAX_LEAVES if objective.shares is None else MAX_QUANTILES // objective.trees
    best = 2 * rule.leaves if rule.leaves else room  # with room for as many that better ones put behind
    leaves = min(rows, room, best, 1 << rule.depth)
    width = 1 << (min(leaves, 1 << (rule.depth - 1)) - 1).bit_length()
    features = rule.features_per_node or schema.width
    numbers = objective.trees * rule.group * (objective.outputs + 1) * features * (rule.bins + 1)  # of one node
    if rule.passes is None:
        while width > 1 and width * numbers > USUAL_SUMS:
            width //= 2
    if width * numbers > MAX_SUMS:
        raise JobFileError(
            f"With learner.depth {rule.depth}, learner.bins {rule.bins} and {schema.width} features one level adds up "
            f"{width * numbers} numbers, more than {MAX_SUMS}; lower learner.depth or learner.bins."
        )
    return Size(2 * leaves - 1, width)
