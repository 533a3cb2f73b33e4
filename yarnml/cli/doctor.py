"""The command that checks a machine, its cluster and a job there: ``yarnml doctor``."""

import click
from rich.console import Console
from rich.markup import escape

from yarnml.cli.shared import link_rate, set_option
from yarnml.events.public import shown

CHECK_STYLES = {"ok": "green", "advice": "yellow", "wrong": "bold red", "untold": "yellow", "skipped": "yellow"}
"""Colours of the doctor's lines, by how a check ended."""


@click.command("doctor")
@click.argument("job_file", metavar="[JOB.yaml]", required=False)
@set_option
@click.option(
    "--trial",
    metavar="RATE",
    help="Train some steps on the first shard here, to tell what a step will cost on nodes whose links have this rate, "
    "such as 10gbit, and what would make it shorter.",
)
def doctor_command(job_file: str | None, overrides: tuple[str, ...], trial: str | None) -> int:
    """Check this machine and its cluster, and whether a job can run there, down to its Python on a node.

    Every line that is not ok says what to do.  The exit status is 1 where anything is wrong.
    """
    from yarnml.clusters.yarn.edge.doctor import checks, run_checks
    from yarnml.job.load import load_job

    if (overrides or trial is not None) and not job_file:
        raise click.UsageError(f"{'--set' if overrides else '--trial'} needs a job file.")
    link = None if trial is None else link_rate(trial)
    console = Console(highlight=False)
    wrong = 0
    with checks(load_job(job_file, overrides) if job_file else None, console.print, link) as every:
        for check in run_checks(every):
            wrong += check.status == "wrong"
            if check.detail:
                console.print(escape(shown(check.detail.rstrip())), style="dim", soft_wrap=True)
            status = f"[{CHECK_STYLES[check.status]}]{check.status:8}[/]"
            console.print(f"{status}{escape(shown(f'{check.name}: {check.text}'))}", soft_wrap=True)
    return int(wrong > 0)


COMMANDS: tuple[click.Command, ...] = (doctor_command,)
"""Those that `yarnml.cli.commands` adds to its own."""
