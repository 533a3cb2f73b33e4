"""Names of the metrics by which a job may be judged, with the labels that each is for."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from yarnml.errors import JobFileError

if TYPE_CHECKING:
    from yarnml.job.spec import Job

MAX_GROUPS = 32
"""Groups of rows that an evaluation tells apart by a column: each has all the sums that all rows have."""

MAX_CONFUSED = 100
"""Classes of a confusion matrix, or of one ROC curve for each."""


SCORE = "score"
"""The label of predictions that mean something by their order alone, and are not to be compared with it."""


class Metric(NamedTuple):
    """A metric, or a family of them with a number in the name.

    ``pattern``: of the names; ``label``: `Schema.task`, ``two`` for two classes, or `SCORE`; ``always``: in every
    evaluation; ``rises``: more is better; ``single``: one number, by which a job can be judged.
    ``groups``: it is of the order of the rows within groups, for which a job needs ``data.group``.
    ``times``: it is of labels that are survival times, see `yarnml.worker.metrics.times`.
    """

    pattern: str
    label: str
    always: bool = False
    rises: bool = False
    single: bool = True
    most_classes: int | None = None
    groups: bool = False
    times: bool = False


METRICS = (
    Metric("loss", "none", always=True),
    Metric("silhouette", "none", rises=True),
    Metric("bic", "none"),
    Metric("aic", "none"),
    *(Metric(name, "text", always=True) for name in ("loss", "perplexity", "bits_per_byte")),
    Metric("accuracy", "text", always=True, rises=True),
    Metric("loss", "number", always=True),
    Metric("rmse", "number", always=True),
    Metric("r2", "number", always=True, rises=True),
    Metric("mae", "number"),
    Metric("median_absolute_error", "number"),
    Metric("mape", "number"),
    Metric(r"quantile_loss_0?\.\d+", "number"),
    Metric("loss", "quantiles", always=True),
    Metric("quantile_loss", "quantiles", always=True),
    Metric(r"quantile_loss_0?\.\d+", "quantiles", always=True),
    Metric(r"coverage_0?\.\d+", "quantiles", always=True, single=False),
    Metric("poisson_deviance", "number"),
    Metric("gamma_deviance", "number"),
    *(Metric("concordance", label, rises=True, times=True) for label in ("number", SCORE)),
    Metric("loss", "class", always=True),
    Metric("accuracy", "class", always=True, rises=True),
    Metric("roc_auc", "two", always=True, rises=True),
    Metric("balanced_accuracy", "class", rises=True),
    Metric(r"(macro|weighted)_(precision|recall|f\d+(\.\d+)?)", "class", rises=True),
    Metric(r"precision|recall|f\d+(\.\d+)?", "two", rises=True),
    Metric("per_class", "class", single=False),
    Metric("confusion", "class", single=False, most_classes=MAX_CONFUSED),
    Metric("log_loss", "class"),
    Metric("brier", "class"),
    Metric("calibration_error", "class"),
    Metric(r"top_[1-9]\d*_accuracy", "class", rises=True),
    Metric("macro_roc_auc", "class", rises=True, most_classes=MAX_CONFUSED),
    Metric("pr_auc", "two", rises=True),
    Metric("ks", "two", rises=True),
    Metric(r"lift_[1-9]\d?", "two", rises=True),
    Metric("loss", SCORE, always=True),
    Metric("loss", "multioutput", always=True),
    Metric("rmse", "multioutput", always=True),
    Metric("r2", "multioutput", always=True, rises=True),
    Metric("mae", "multioutput"),
    Metric("per_label", "multioutput", single=False),
    Metric("loss", "multilabel", always=True),
    Metric("subset_accuracy", "multilabel", always=True, rises=True),
    Metric("hamming_loss", "multilabel", always=True),
    Metric(r"(micro|macro|weighted)_(precision|recall|f\d+(\.\d+)?)", "multilabel", rises=True),
    Metric("per_label", "multilabel", single=False),
    *(
        Metric(pattern, label, rises=True, groups=True)
        for label in ("number", "two", SCORE)
        for pattern in (r"ndcg(_[1-9]\d*)?", "map", "mrr", r"recall_at_[1-9]\d*")
    ),
)


_USUAL = {
    "number": ["mae", "median_absolute_error", "mape", "poisson_deviance", "gamma_deviance"],
    "class": [
        *("balanced_accuracy", "macro_precision", "macro_recall", "macro_f1", "weighted_f1"),
        *("log_loss", "brier", "calibration_error", "macro_roc_auc", "per_class", "confusion"),
    ],
    "two": ["precision", "recall", "f1", "pr_auc", "ks", "lift_10"],
    "multioutput": ["mae", "per_label"],
    "multilabel": ["micro_f1", "macro_f1", "weighted_f1", "per_label"],
}
"""The label → metrics that are for it, beside those of every evaluation."""

_JUDGE = {"number": "rmse", "quantiles": "quantile_loss", "multioutput": "rmse", "multilabel": "hamming_loss"}
"""The label → the metric by which a stored model is judged."""


def of_groups(name: str) -> bool:
    """Tell whether a metric is of the order of the rows within groups."""
    return any(metric.groups and re.fullmatch(metric.pattern, name) for metric in METRICS)


def of_times(name: str) -> bool:
    """Tell whether a metric is of survival times."""
    return any(metric.times and re.fullmatch(metric.pattern, name) for metric in METRICS)


def of_all_rows(name: str) -> bool:
    """Tell whether a metric is worked out among all rows at once."""
    return of_groups(name) or of_times(name)


def cutoff(name: str) -> tuple[str, int | None]:
    """Split the name of a metric of groups: 'ndcg_10' is that of the first 10 rows of a group, 'ndcg' of all."""
    kind, _, rows = name.rpartition("_")
    return (kind, int(rows)) if rows.isdecimal() else (name, None)


def rises(name: str) -> bool:
    """Tell whether more of this metric is better."""
    return any(metric.rises and re.fullmatch(metric.pattern, name) for metric in METRICS)


def check_metric(field: str, name: str, task: str, classes: int, single: bool = True) -> None:
    """Refuse a metric that no evaluation of such a label has; JobFileError names the ``field``.

    ``classes``: their number, 0 where it is not known yet.  ``single``: it must be one number.
    """
    possible = [metric for metric in METRICS if _is_for(metric, task, classes)]
    metric = next((metric for metric in possible if re.fullmatch(metric.pattern, name)), None)
    if metric is None or (single and not metric.single):
        names = ", ".join(example(m) for m in possible if m.single or not single)
        raise JobFileError(f"{field}: this job can be judged by {names}, not by {name}.")
    if metric.most_classes and classes > metric.most_classes:
        raise JobFileError(f"{field}: {name} is for {metric.most_classes} classes at most, and there are {classes}.")


def usual_metric(task: str) -> str:
    """Name the metric by which a stored model is judged where nobody names one."""
    return _JUDGE.get(task, "log_loss")


def all_metrics(task: str, classes: int) -> list[str]:
    """Name the usual ones of all metrics that an evaluation of such a label may have, but for those of groups."""
    names = _USUAL.get(task, []) + (_USUAL["two"] if task == "class" and classes == 2 else [])
    if task == "class" and classes > MAX_CONFUSED:
        names = [name for name in names if name not in ("confusion", "macro_roc_auc")]
    return names


def _is_for(metric: Metric, task: str, classes: int) -> bool:
    return metric.label == task or (metric.label == "two" and task == "class" and classes in {0, 2})


def example(metric: Metric) -> str:
    """A name that the pattern of a metric has, of a family with a number or an average the usual one."""
    name = (
        metric.pattern.replace(r"(_[1-9]\d*)?", "_10")
        .replace(r"f\d+(\.\d+)?", "f1")
        .replace(r"0?\.\d+", "0.9")
        .replace(r"[1-9]\d*", "5")
    )
    return name.replace(r"[1-9]\d?", "10").replace("|", " or ").replace("(", "").replace(")", "")


def named(job: "Job") -> list[str]:
    """All metrics that a job names: those that are asked for, and those that decide."""
    rules = [rule for rule in (job.training.early_stopping, job.search, job.data.follow) if rule]
    threshold = job.evaluation.threshold
    chosen = [f"threshold_{threshold}"] if threshold else []
    return [*job.evaluation.metrics, *job.learner.metrics, *(rule.metric for rule in rules), *chosen]


def requested(names: Iterable[str]) -> tuple[str, ...]:
    """The names without those that every evaluation has, each once, in order."""
    always = {metric.pattern for metric in METRICS if metric.always}
    return tuple(dict.fromkeys(name for name in names if name not in always))
