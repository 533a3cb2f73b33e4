"""A random forest: the mean of trees that see different rows and, at every node, different features.

Breiman, "Random Forests", Machine Learning, 2001.  A row counts in each tree as often as a Poisson number of mean 1
says, which is what drawing with replacement comes to where no worker sees all rows.
"""

import math

from yarnml.data.schema import Schema
from yarnml.job.learners import Forest
from yarnml.learners.base import Learner
from yarnml.learners.trees.build import build_trees
from yarnml.learners.trees.objectives import squared_error
from yarnml.learners.trees.rule import Rule, Terms


def build(options: Forest, schema: Schema) -> Learner:
    usual = 1 / math.sqrt(schema.width) if schema.outputs else 1 / 3
    subset = max(1, round((options.features or usual) * schema.width))
    terms = Terms(options.l2, options.min_rows, options.min_gain)
    rule = Rule(
        options.trees,
        options.levels,
        options.bins,
        terms,
        options.passes_per_round,
        average=True,
        group=options.group,
        with_replacement=True,
        features_per_node=subset,
        leaves=options.leaves,
        random_places=options.splits == "random",
    )
    return build_trees(squared_error(schema), rule, options, schema)
