"""The common parts of commands: their options, how they print, and how a job is sent to YARN."""

from typing import TYPE_CHECKING

import click
from rich.console import Console

from yarnml.events.console import JobConsole
from yarnml.events.public import shown
from yarnml.job.prediction import Prediction
from yarnml.job.spec import Job

if TYPE_CHECKING:
    from yarnml.clusters.yarn.edge.submit import SubmitOptions

set_option = click.option(
    "--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Override a field, such as workers.count=3."
)
restart_option = click.option("--restart", is_flag=True, help="Forget the job's checkpoints and begin anew.")


def echo(text: str, nl: bool = True) -> None:
    """Print a text as a terminal may show it."""
    click.echo(shown(text), nl=nl)


def submit(job: Job | Prediction, options: "SubmitOptions") -> None:
    """Send a job to YARN, and unless it is detached show it until it ends."""
    from yarnml.clusters.yarn.edge.submit import submit_job

    with JobConsole(Console(highlight=False)) as show:
        submit_job(job, show, echo, options)
