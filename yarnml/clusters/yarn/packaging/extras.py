"""The extras of yarnml that a job can make use of.

What isn't named here always travels where it is installed: so a new extra costs time at worst, and is never missed.
"""

import contextlib
from collections.abc import Callable, Mapping

from yarnml.job.base import BaseJob
from yarnml.job.image_step import Image
from yarnml.job.learners.trees import TreeLearner
from yarnml.job.spec import Job

Use = Callable[[BaseJob], bool]
"""A function that tells whether a job can make use of something."""


def of_use(extra: str, job: BaseJob) -> bool:
    """True for an extra of yarnml that a job's processes may import."""
    use = _USES.get(extra)
    return use is None or use(job)


def _never(job: BaseJob) -> bool:
    return False


def _has_loops(job: BaseJob) -> bool:
    """True where loops over rows or keys are worth to be compiled: a model that is only applied may have keys."""
    if not isinstance(job, Job) or job.search:
        return True
    return job.learner.KEYS or isinstance(job.learner, TreeLearner)


def _has_images(job: BaseJob) -> bool:
    """True where a step may decode images: a model that is only applied may have one."""
    if not isinstance(job, Job) or job.search:
        return True
    return any(isinstance(step, Image) for step in job.data.prepare)


def _has_mlflow(job: BaseJob) -> bool:
    return isinstance(job, Job) and bool(job.monitor.mlflow)


def _has_table(kind: str) -> Use:
    def use(job: BaseJob) -> bool:
        from yarnml.data.snapshots.registry import kind_of_table  # brings pyarrow, and most commands pack nothing

        paths = [url for field, url in job.urls.items() if "data" in field]
        with contextlib.suppress(OSError):
            return any(kind_of_table(path) == kind for path in paths)
        return True

    return use


_USES: Mapping[str, Use] = {
    **dict.fromkeys(["bench", "check", "examples", "test"], _never),
    **dict.fromkeys(["notebook", "onnx", "sklearn"], _never),
    **dict.fromkeys(["sparse", "trees"], _has_loops),
    "delta": _has_table("Delta"),
    "images": _has_images,
    "iceberg": _has_table("Iceberg"),
    "mlflow": _has_mlflow,
}
