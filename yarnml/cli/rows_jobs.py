"""The common parts of commands for jobs that read rows and write one output."""

from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from yarnml.cli.shared import BACKENDS, load, run, submit
from yarnml.events.events import End
from yarnml.job.fields import LARGEST_COUNT

if TYPE_CHECKING:
    from yarnml.job.load import AnyJob

PLACES = click.Choice([*BACKENDS, "yarn"])
"""Where the processes of such a job run."""

backend_option = click.option("--backend", default="local", show_default=True, type=PLACES)
workers_option = click.option(
    "--workers", type=click.IntRange(1, LARGEST_COUNT), help="How many processes; 2 where nothing is said."
)


def rows_job(kind: str, section: dict[str, Any], workers: int | None, overrides: tuple[str, ...]) -> "AnyJob":
    """The job that a command line asks for; ``section``: that of its kind."""
    from yarnml.job.rows_job import rows_document

    return load(rows_document(kind, section, workers), overrides)


def submit_rows_job(job: "AnyJob", *, restart: bool = False) -> None:
    """Send a job to YARN, and show it until it ends."""
    from yarnml.clusters.yarn.edge.submit import SubmitOptions

    submit(job, SubmitOptions(restart=restart))


def run_rows_job(job: "AnyJob", backend: str) -> End:
    """Do a job here; its events go to standard error, so that its end is all that programs read."""
    return run(job, backend, Console(stderr=True))
