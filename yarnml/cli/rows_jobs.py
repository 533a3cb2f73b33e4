"""The common parts of commands for jobs that read rows and write one output."""

import click
from rich.console import Console

from yarnml.cli.shared import submit
from yarnml.events.console import JobConsole
from yarnml.events.events import End
from yarnml.job.fields import LARGEST_COUNT
from yarnml.job.load import AnyJob
from yarnml.runner import BACKENDS, run_any

PLACES = click.Choice([*BACKENDS, "yarn"])
"""Where the processes of such a job run."""

backend_option = click.option("--backend", default="local", show_default=True, type=PLACES)
workers_option = click.option(
    "--workers", type=click.IntRange(1, LARGEST_COUNT), help="How many processes; 2 where nothing is said."
)


def submit_rows_job(job: AnyJob, *, restart: bool = False) -> None:
    """Send a job to YARN, and show it until it ends."""
    from yarnml.clusters.yarn.edge.submit import SubmitOptions

    submit(job, SubmitOptions(restart=restart))


def run_rows_job(job: AnyJob, backend: str) -> End:
    """Do a job here; its events go to standard error, so that its end is all that programs read."""
    with JobConsole(Console(stderr=True)) as show:
        return run_any(job, backend, say=show)
