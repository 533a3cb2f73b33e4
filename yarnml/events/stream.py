"""The events of a job that learns from a stream."""

from yarnml.events.fact import Fact
from yarnml.events.text import count_of, format_metrics


class StreamWaiting(Fact, frozen=True):
    """All files of ``folder`` are learned, in ``batches`` batches, and more are waited for."""

    folder: str
    batches: int


class BatchJudged(Fact, frozen=True):
    """A batch is evaluated, before anything is learned from it.

    ``window``: the mean of ``metrics`` over the newest batches.  ``psi``: of the column that has drifted most.
    ``drift``: why the rows have drifted; empty where they have not.
    """

    batch: int
    files: int
    rows: int
    metrics: dict[str, float]
    window: dict[str, float]
    column: str = ""
    psi: float | None = None
    drift: str = ""


class BatchLearned(Fact, frozen=True):
    """A batch is learned.

    ``export``: the version that came of it, if one was due; ``alias``: that names it now.
    ``latency``: seconds from the time of the batch's oldest file until now.
    """

    batch: int
    files: int
    step: int
    export: str | None = None
    alias: str | None = None
    latency: float | None = None


class BatchChanged(Fact, frozen=True):
    """Files of a batch are gone, or others, before they were learned; it begins anew with ``files`` of them."""

    batch: int
    files: int


StreamEvent = StreamWaiting | BatchJudged | BatchLearned | BatchChanged


def stream_line(event: StreamEvent) -> str:
    """Put an event into one plain line."""
    match event:
        case StreamWaiting(folder, batches):
            return f"waiting for files in {folder}, after {batches} {'batch' if batches == 1 else 'batches'}"
        case BatchJudged(batch, files, rows, metrics, window, column, psi, drift):
            seen = f"batch {batch}  {count_of(files, 'file')}  {rows} rows, before they are learned: "
            largest = "" if psi is None else f"; largest PSI {psi:.3g} ({column})"
            over = f"; over the window: {format_metrics(window)}"
            warning = f"\nwarning: batch {batch} has drifted: {drift}" if drift else ""
            return f"{seen}{format_metrics(metrics)}{over}{largest}{warning}"
        case BatchLearned(batch, _, _, export, alias, latency):
            version = f"; model {export}" if export else ""
            named = f", {alias} now" if alias else ""
            after = "" if latency is None else f"; {latency:.1f} s after its oldest file"
            return f"batch {batch} is learned{version}{named}{after}"
        case BatchChanged(batch, files):
            return f"batch {batch} begins anew with {count_of(files, 'file')}: others are gone, or have changed"
