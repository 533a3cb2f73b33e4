"""Gradient-boosted trees: least squares of a number, logistic loss of two classes, softmax of more.

Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics, 2001; with second
derivatives: Chen and Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016.
"""

from yarnml.data.schema import Schema
from yarnml.job.learners import Boosting
from yarnml.learners.base import Learner
from yarnml.learners.trees.build import build_trees
from yarnml.learners.trees.objectives import Logistic, Objective, Softmax, SquaredError
from yarnml.learners.trees.rule import Rule, Terms


def build(options: Boosting, schema: Schema) -> Learner:
    classes = schema.outputs
    objective: Objective = SquaredError() if not classes else Logistic() if classes == 2 else Softmax(classes)
    rule = Rule(
        options.trees,
        options.levels,
        options.bins,
        Terms(options.l2, options.min_hessian, options.min_gain),
        None if options.depth == "none" else options.depth,
        learning_rate=options.learning_rate,
        sampling_rate=options.subsample,
        features_per_node=max(1, round(options.features * schema.width)) if options.features else None,
    )
    return build_trees(objective, rule, options, schema)
