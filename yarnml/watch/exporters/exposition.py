"""Metrics in Prometheus' format, by its own library."""

from collections.abc import Iterator
from typing import Any

from yarnml.errors import JobFileError
from yarnml.watch.exporters.facts import Facts
from yarnml.watch.exporters.families import Family, families


class Exposition:
    """The metrics of a job, in the order of `families`; a collector for prometheus-client.

    Raises JobFileError where that is not installed.  ``job``: the name, the label of every value.
    """

    def __init__(self, job: str, facts: Facts) -> None:
        self._library = _library()
        self._job = job
        self._facts = facts
        self.registry = self._library.CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    @property
    def content_type(self) -> str:
        return str(self._library.CONTENT_TYPE_LATEST)

    def render(self) -> bytes:
        """Write all metrics as text."""
        return bytes(self._library.generate_latest(self.registry))

    def describe(self) -> list[Any]:
        """The metrics by name, for the registry; they are all this collector's."""
        return []

    def collect(self) -> Iterator[Any]:
        """Make the metrics that have values."""
        for family in families():
            metric = self._metric(family)
            for values, sample in family.samples(self._facts):
                metric.add_metric([self._job, *values], sample)
            if metric.samples:
                yield metric

    def _metric(self, family: Family) -> Any:
        core = self._library.core
        make = core.GaugeMetricFamily if family.kind == "gauge" else core.CounterMetricFamily
        return make(family.name, family.help, labels=["job", *family.labels])


def _library() -> Any:
    try:
        import prometheus_client
        import prometheus_client.core  # an option
    except ImportError as exc:
        raise JobFileError(
            "monitor.port and monitor.push need prometheus-client, which this Python lacks: pip install "
            "'yarnml[prometheus]'."
        ) from exc
    return prometheus_client
