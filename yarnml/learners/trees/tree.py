"""A decision tree: what a leaf predicts is the average of its rows.

Breiman, Friedman, Olshen and Stone, "Classification and Regression Trees", 1984.  A split is the one that lowers the
variance of a number label, or the Gini impurity of a class label, the most.
"""

from yarnml.data.schema import Schema
from yarnml.job.learners import Tree
from yarnml.learners.base import Learner
from yarnml.learners.trees.build import build_trees
from yarnml.learners.trees.objectives import squared_error
from yarnml.learners.trees.rule import Rule, Terms


def build(options: Tree, schema: Schema) -> Learner:
    terms = Terms(options.l2, options.min_rows, options.min_gain)
    rule = Rule(1, options.levels, options.bins, terms, options.passes_per_round, leaves=options.leaves)
    return build_trees(squared_error(schema), rule, options, schema)
