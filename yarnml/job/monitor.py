"""The section of the job file for other programs that watch a job."""

from typing import Annotated

from msgspec import Meta

from yarnml.errors import JobFileError
from yarnml.job.fields import Section

Port = Annotated[int, Meta(ge=0, le=65535)]
WebAddress = Annotated[
    str,
    Meta(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$(?!\n)", description="an address such as 'http://host:9091'"),
]
TrackingUri = Annotated[
    str,
    Meta(
        pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?|(sqlite|file):///[^\s]+)$(?!\n)",
        description="a tracking URI such as 'http://host:5000' or 'sqlite:////home/me/mlflow.db'",
    ),
]


class Monitor(Section, frozen=True, kw_only=True):
    """Other programs that a job tells how it stands; none of them can end it or slow it down.

    ``port``: on which the master serves ``/metrics`` for Prometheus; 0 takes one that is free.
    ``push``: a Pushgateway of Prometheus, which keeps the metrics when the job has ended.
    ``tensorboard``: event files in the job's folder; with ``histograms`` of the parameters at every checkpoint.
    ``mlflow``: a tracking server of MLflow, or a database of its.
    """

    port: Port | None = None
    push: WebAddress | None = None
    tensorboard: bool = False
    histograms: bool = False
    mlflow: TrackingUri | None = None


def check_monitor(monitor: Monitor) -> None:
    """Refuse fields that need another one."""
    if monitor.histograms and not monitor.tensorboard:
        raise JobFileError("monitor.histograms are for TensorBoard; give monitor.tensorboard: true, too, or remove it.")
