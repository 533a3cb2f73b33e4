"""The common parts of commands: their options, how they print, and how a job is sent to YARN."""

from typing import TYPE_CHECKING

import click
from rich.console import Console

from yarnml.errors import JobFileError
from yarnml.events.console import JobConsole
from yarnml.events.public import shown
from yarnml.job.load import AnyJob, load_any
from yarnml.job.spec import Job
from yarnml.master.preflight import overview

if TYPE_CHECKING:
    from yarnml.clusters.yarn.edge.submit import SubmitOptions

set_option = click.option(
    "--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Override a field, such as workers.count=3."
)
restart_option = click.option("--restart", is_flag=True, help="Forget the job's checkpoints and begin anew.")

plan_option = click.option(
    "--plan",
    is_flag=True,
    help="Show what would be read, down to every column; nothing is trained or written.",
)


def echo(text: str, nl: bool = True) -> None:
    """Print a text as a terminal may show it."""
    click.echo(shown(text), nl=nl)


def print_plan(job_file: str, overrides: tuple[str, ...], restart: bool) -> None:
    """Print what a job would read, and how it would train."""
    if restart:
        raise click.UsageError("--plan does nothing to a job, and --restart forgets its checkpoints: leave one out.")
    job = load_any(job_file, overrides)
    if not isinstance(job, Job):
        raise JobFileError(f"--plan is for jobs that train, and {job_file} uses a model; run it without --plan.")
    echo(str(overview(job)))


def submit(job: AnyJob, options: "SubmitOptions") -> None:
    """Send a job to YARN, and unless it is detached show it until it ends."""
    from yarnml.clusters.yarn.edge.submit import submit_job

    with JobConsole(Console(highlight=False)) as show:
        submit_job(job, show, echo, options)
