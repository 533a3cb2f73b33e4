"""Gradient-boosted trees: least squares of a number or another loss, logistic loss of two classes, softmax of more.

Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics, 2001; with second
derivatives: Chen and Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016.
"""

from collections.abc import Callable
from functools import partial

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import Boosting
from yarnml.learners.base import Learner
from yarnml.learners.trees.among import AmongRows
from yarnml.learners.trees.build import build_trees
from yarnml.learners.trees.cox import Cox
from yarnml.learners.trees.numbers import LOSSES, NumberObjective
from yarnml.learners.trees.objectives import Logistic, Objective, Softmax, SquaredError
from yarnml.learners.trees.own import build_own
from yarnml.learners.trees.pinball import Pinball
from yarnml.learners.trees.ranking import LambdaRank
from yarnml.learners.trees.rule import Rule, Terms

OF_TIMES = ("aft", "cox")
LEAST_ROWS = 20
"""Rows of a leaf where second derivatives count them, as in LightGBM and scikit-learn."""
LARGEST_SHARE = 1 / 20
"""Of all rows, beyond which no leaf needs more: so small data can be split, too."""
LARGEST_SHARE_OF_TIMES = 1 / 5
"""The same of times until something happens, most of which is chance: leaves of few rows learn that."""


def build(options: Boosting, schema: Schema) -> Learner:
    rule = Rule(
        options.trees,
        options.levels,
        options.bins,
        Terms(options.l2, least_hessian(options, schema), options.min_gain),
        options.passes_per_round,
        learning_rate=options.learning_rate,
        sampling_rate=options.subsample,
        features_per_node=max(1, round(options.features * schema.width)) if options.features else None,
        leaves=options.leaves,
        random_places=options.splits == "random",
    )
    return build_trees(_objective(options, schema), rule, options, schema)


def least_hessian(options: Boosting, schema: Schema) -> float:
    """The least sum of second derivatives in a leaf: as the options say, or as many rows where these count rows."""
    if options.min_hessian is not None:
        return options.min_hessian
    if schema.outputs or options.objective not in ("auto", "absolute", "quantile", *OF_TIMES):
        return 1.0
    share = LARGEST_SHARE_OF_TIMES if options.objective in OF_TIMES else LARGEST_SHARE
    return max(1.0, min(LEAST_ROWS, share * schema.rows))


def _of_number(name: str, options: Boosting) -> Objective:
    return NumberObjective(name, LOSSES[name](options))


def _of_quantiles(share: float | list[float]) -> Objective:
    return Pinball(share, side_by_side=True) if isinstance(share, list) else Pinball([share])


OBJECTIVES: dict[str, Callable[[Boosting], Objective]] = {
    "absolute": lambda options: Pinball([0.5], 2.0),
    "quantile": lambda options: _of_quantiles(options.quantile),
    "lambdarank": lambda options: AmongRows(LambdaRank()),
    "cox": lambda options: AmongRows(Cox()),
    **{name: partial(_of_number, name) for name in LOSSES},
}


def _objective(options: Boosting, schema: Schema) -> Objective:
    """The loss that the options ask for; JobFileError where the label has none such."""
    classes = schema.outputs
    if schema.offset and classes > 2:
        raise JobFileError(
            f"The offset in column '{schema.offset.name}' is added to one score, but '{schema.label}' has {classes} "
            "classes with a score each; remove data.offset or data.exposure."
        )
    if options.objective == "custom":
        return build_own(options, classes)
    if options.objective not in OBJECTIVES:
        return Logistic() if classes == 2 else Softmax(classes) if classes else SquaredError()
    if schema.label_type == "class":
        raise JobFileError(
            f"learner.objective {options.objective} is for a number, but '{schema.label}' is a class label; "
            "set data.label_type: number, or leave learner.objective out."
        )
    return OBJECTIVES[options.objective](options)
