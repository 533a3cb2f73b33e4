"""The common parts of commands: their options, how they print, and how a job is read, run or sent to YARN.

Here, as in the modules of commands, what only one command needs is imported when that is called: the others stay quick.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

import click
from rich.console import Console

from yarnml.cli.freed_memory import keep_freed_memory
from yarnml.errors import JobFileError
from yarnml.events.console import JobConsole
from yarnml.events.public import shown
from yarnml.job.fields import Backend

if TYPE_CHECKING:
    from yarnml.clusters.yarn.edge.submit import SubmitOptions
    from yarnml.events.events import End
    from yarnml.job.load import AnyJob

BACKENDS = get_args(Backend)

set_option = click.option(
    "--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Override a field, such as workers.count=3."
)
restart_option = click.option("--restart", is_flag=True, help="Forget the job's checkpoints and begin anew.")
profile_option = click.option(
    "--profile", is_flag=True, help="Have every worker write a trace of some steps into the job's folder."
)

plan_option = click.option(
    "--plan",
    is_flag=True,
    help="Show what would be read, down to every column; nothing is trained or written.",
)

trial_option = click.option(
    "--trial",
    metavar="RATE",
    is_flag=False,
    flag_value="",
    help="As --plan, and train some steps, to tell what a step will cost: with all workers on this machine, or with "
    "each on one of its own, whose link has this rate, such as 10gbit.",
)


def link_rate(text: str) -> float:
    """The bytes a second of a link, of a text such as ``10gbit``; 0 for an empty one."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([mg])bit(?:/s)?", text.lower())
    if text and (not match or float(match[1]) == 0):
        raise click.UsageError(f"--trial must be a rate such as 10gbit or 500mbit, or stand alone, not '{text}'.")
    return float(match[1]) * {"m": 1e6, "g": 1e9}[match[2]] / 8 if match else 0.0


def echo(text: str, nl: bool = True) -> None:
    """Print a text as a terminal may show it."""
    click.echo(shown(text), nl=nl)


def print_plan(job: "AnyJob", job_file: str, restart: bool, trial: str | None) -> None:
    """Print what a job would read, how it would train, and by a trial what a step would cost.

    ``job_file``: its name, for people.
    ``trial``: the rate of the links between its processes; empty where one machine has them all.  None makes no trial.
    """
    if restart:
        raise click.UsageError("--plan does nothing to a job, and --restart forgets its checkpoints: leave one out.")
    link = None if trial is None else link_rate(trial)
    from yarnml.job.spec import Job
    from yarnml.master.preflight import look_ahead, overview_of_facts

    if not isinstance(job, Job):
        raise JobFileError(f"--plan is for jobs that train, and {job_file} does not train; run it without --plan.")
    start = look_ahead(job)
    echo(str(overview_of_facts(start)))
    if link is not None:
        from yarnml.clusters.trial import expect

        echo(str(expect(start, link)))


def load(source: str | Mapping[str, Any], overrides: tuple[str, ...] = (), *, profile: bool = False) -> "AnyJob":
    """A job of any kind, checked."""
    from yarnml.job.load import load_any

    return load_any(source, (*overrides, "profile=true") if profile else overrides)


def run(job: "AnyJob", backend: str, console: Console, *, restart: bool = False, tell_end: bool = False) -> "End":
    """Do a job here and show its events; ``tell_end``: also how it ended."""
    if backend == "local":
        from yarnml.clusters.ahead import start_ahead

        start_ahead(job)  # before what takes longest to load here
    elif backend == "inline":
        keep_freed_memory()
    from yarnml.runner import run_any

    with JobConsole(console) as show:
        end = run_any(job, backend, restart=restart, say=show)
        if tell_end:
            show(end)
        return end


def submit(job: "AnyJob", options: "SubmitOptions") -> None:
    """Send a job to YARN, and unless it is detached show it until it ends."""
    from yarnml.clusters.yarn.edge.submit import submit_job

    with JobConsole(Console(highlight=False)) as show:
        submit_job(job, show, echo, options)
