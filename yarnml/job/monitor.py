"""The section of the job file for other programs that watch a job."""

from typing import Annotated

from msgspec import Meta

from yarnml.job.fields import Section

Port = Annotated[int, Meta(ge=0, le=65535)]
WebAddress = Annotated[
    str,
    Meta(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$(?!\n)", description="an address such as 'http://host:9091'"),
]


class Monitor(Section, frozen=True, kw_only=True):
    """Other programs that a job tells how it stands; none of them can end it or slow it down.

    ``port``: on which the master serves ``/metrics`` for Prometheus; 0 takes one that is free.
    ``push``: a Pushgateway of Prometheus, which keeps the metrics when the job has ended.
    """

    port: Port | None = None
    push: WebAddress | None = None
