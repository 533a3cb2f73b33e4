"""The command line: ``yarnml run JOB.yaml``."""

import sys

import click
from rich.console import Console
from rich.markup import escape

from yarnml import __version__
from yarnml.errors import Interrupted, YarnmlError
from yarnml.progress import Progress
from yarnml.spec import load_job
from yarnml.submit import BACKENDS, run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="yarnml")
def cli() -> None:
    """Train models by MapReduce rounds of JAX workers.  One job file, every backend."""


@cli.command("run")
@click.argument("job_file", metavar="JOB.yaml")
@click.option(
    "--backend", default="local", show_default=True, type=click.Choice(list(BACKENDS)), help="Where the workers run."
)
@click.option(
    "--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Override a field, such as workers.count=3."
)
@click.option("--restart", is_flag=True, help="Forget the job's checkpoints and begin anew.")
def run_command(job_file: str, backend: str, overrides: tuple[str, ...], restart: bool) -> None:
    """Train a job here, in this process or in local ones.

    Run the same command again after a stop: it continues from the newest checkpoint.
    """
    with Progress(Console(highlight=False)) as show:
        show(run(load_job(job_file, overrides), backend, restart=restart, say=show))


@cli.command("submit")
@click.argument("job_file", metavar="JOB.yaml")
@click.option(
    "--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Override a field, such as workers.count=3."
)
@click.option("--restart", is_flag=True, help="Forget the job's checkpoints and begin anew.")
@click.option("--detach", is_flag=True, help="Don't wait for the end.")
@click.option("--dry-run", is_flag=True, help="Print the Skein application that would be sent, and send nothing.")
def submit_command(job_file: str, overrides: tuple[str, ...], restart: bool, detach: bool, dry_run: bool) -> None:
    """Train a job on YARN, from an edge node.

    Ctrl-C leaves the job running; `yarnml attach` comes back to it.
    """
    from yarnml.clusters.yarn import commands

    job = load_job(job_file, overrides)
    with Progress(Console(highlight=False)) as show:
        commands.submit(job, show, restart=restart, detach=detach, dry_run=dry_run)


def main() -> None:
    """Exit status: 0 done, 1 the job failed, 2 the job file or the command line is wrong, 130 stopped by Ctrl-C."""
    errors = Console(stderr=True, highlight=False)
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.ClickException as exc:
        exc.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        errors.print("Stopped.")
        sys.exit(Interrupted.exit_status)
    except YarnmlError as exc:
        if exc.detail:
            errors.print(escape(exc.detail.rstrip()), style="dim", soft_wrap=True)
        label = "stopped" if isinstance(exc, Interrupted) else "error"
        errors.print(f"[bold red]{label}:[/] {escape(str(exc))}", soft_wrap=True)
        sys.exit(exc.exit_status)
