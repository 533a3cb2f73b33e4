"""The commands, ``yarnml run JOB.yaml`` and its siblings: a function for each, and no logic."""

import os

import click
from rich.console import Console

from yarnml import __version__
from yarnml.cli import doctor, generating, looking, models, watching
from yarnml.cli.shared import (
    BACKENDS,
    echo,
    load,
    plan_option,
    print_plan,
    profile_option,
    restart_option,
    run,
    set_option,
    submit,
    trial_option,
)
from yarnml.events.console import JobConsole
from yarnml.job.fields import LARGEST_COUNT, LARGEST_INT

job_file_argument = click.argument("job_file", metavar="JOB.yaml")
application_argument = click.argument("application", metavar="APP")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="yarnml")
def cli() -> None:
    """Train models by MapReduce rounds of JAX workers.  One job file, every backend."""


@cli.command("run")
@job_file_argument
@click.option(
    "--backend", default="local", show_default=True, type=click.Choice(BACKENDS), help="Where the workers run."
)
@set_option
@restart_option
@profile_option
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Serve /metrics for Prometheus on this port of the loopback address; 0 takes one that is free.",
)
@plan_option
@trial_option
def run_command(
    job_file: str,
    backend: str,
    overrides: tuple[str, ...],
    restart: bool,
    profile: bool,
    metrics_port: int | None,
    plan: bool,
    trial: str | None,
) -> None:
    """Do a job here, in this process or in local ones: train, predict, evaluate or explain.

    Run the same command again after a stop: it continues from the newest checkpoint.
    """
    if backend == "local" and (trial is not None or not plan):
        from yarnml.clusters.ahead import start_ahead

        start_ahead()  # before what reads the job is loaded here
    if metrics_port is not None:
        overrides = (*overrides, f"monitor.port={metrics_port}")
    job = load(job_file, overrides, profile=profile)
    if plan or trial is not None:
        print_plan(job, job_file, restart, trial)
        return
    run(job, backend, Console(highlight=False), restart=restart, tell_end=True)


@cli.command("submit")
@job_file_argument
@set_option
@restart_option
@profile_option
@click.option("--detach", is_flag=True, help="Don't wait for the end.")
@plan_option
@trial_option
@click.option("--dry-run", is_flag=True, help="Print the Skein application that would be sent, and send nothing.")
@click.option("--unless-running", is_flag=True, help="Follow the application that runs this job already, if any.")
@click.option(
    "--keep-alive",
    type=click.IntRange(1, LARGEST_COUNT),
    metavar="TIMES",
    help="Submit the job again, up to TIMES times, when its delegation tokens end.",
)
@click.option("--keytab", metavar="FILE", help="Log in by this keytab; the master gets it, to outlive its tokens.")
@click.option("--principal", metavar="NAME", help="Whose key to take from the keytab.")
@click.option("--proxy-user", metavar="NAME", help="Act in the name of this user, as a service may.")
def submit_command(
    job_file: str,
    overrides: tuple[str, ...],
    restart: bool,
    profile: bool,
    detach: bool,
    plan: bool,
    trial: str | None,
    dry_run: bool,
    unless_running: bool,
    keep_alive: int | None,
    keytab: str | None,
    principal: str | None,
    proxy_user: str | None,
) -> None:
    """Do a job on YARN, from an edge node: train, predict, evaluate or explain.

    Ctrl-C leaves the job running; `yarnml attach` comes back to it.
    """
    from yarnml.clusters.yarn.application import Login
    from yarnml.clusters.yarn.edge.submit import SubmitOptions, print_application
    from yarnml.clusters.yarn.packaging.active import describe
    from yarnml.storage.security.identity import PROXY_USER

    if (keytab is None) != (principal is None):
        raise click.UsageError("--keytab and --principal go together: give both.")
    if keep_alive and detach:
        raise click.UsageError("--keep-alive watches the job, so that it can't be detached; leave one of them out.")
    if proxy_user and keytab:
        raise click.UsageError(
            "--keytab goes to the job's master, and --proxy-user's must not get the key of a service; set "
            "KRB5_CLIENT_KTNAME to log in here alone."
        )
    if proxy_user:
        os.environ[PROXY_USER] = proxy_user
    login = Login(os.path.abspath(keytab), principal) if keytab and principal else None
    job = load(job_file, overrides, profile=profile)
    if plan or trial is not None:
        print_plan(job, job_file, restart, trial)
        if text := describe(job):
            echo(text)
        return
    if dry_run:
        echo(print_application(job), nl=False)
        return
    submit(job, SubmitOptions(restart, detach, unless_running, keep_alive or 0, login))


@cli.command("ls")
@click.option("--all", "every", is_flag=True, help="Those that have ended, too.")
def ls_command(every: bool) -> None:
    """List your jobs on YARN, newest first."""
    from yarnml.clusters.yarn.edge import commands

    echo(commands.list_jobs(every=every))


@cli.command("status")
@application_argument
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status_command(application: str, as_json: bool) -> None:
    """Show how a job on YARN stands, or how it ended.

    APP is an application's id, or the name of a job of yours that is running or waiting.
    """
    import msgspec

    from yarnml.clusters.yarn.edge import commands
    from yarnml.clusters.yarn.observe.status import describe_status

    status = commands.job_status(application)
    echo(msgspec.json.format(msgspec.json.encode(status)).decode() if as_json else describe_status(status))


@cli.command("attach")
@application_argument
def attach_command(application: str) -> None:
    """Show a job on YARN until it ends, as submit does; Ctrl-C leaves it running.

    The exit status is that of the job.
    """
    from yarnml.clusters.yarn.edge import commands

    with JobConsole(Console(highlight=False)) as show:
        commands.attach_to_job(application, show, echo)


@cli.command("logs")
@application_argument
@click.option("--role", type=click.Choice(["master", "worker", "reducer", "skein"]), help="Of these processes only.")
@click.option(
    "--index",
    type=click.IntRange(0, LARGEST_INT),
    help="Of the one with this number; a master's is its attempt, from 1.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on as the logs grow, until the job ends.")
def logs_command(application: str, role: str | None, index: int | None, follow: bool) -> None:
    """Print the logs of a job's processes, running or ended."""
    from yarnml.clusters.yarn.edge import commands

    for piece in commands.read_logs(application, role, index, follow=follow):
        echo(piece, nl=not piece.endswith("\n"))


@cli.command("scale")
@application_argument
@click.argument("workers", type=click.IntRange(1, LARGEST_COUNT), required=False)
@click.option(
    "--reducers", type=click.IntRange(0, LARGEST_COUNT), help="Containers that only reduce; 0: the workers do it."
)
def scale_command(application: str, workers: int | None, reducers: int | None) -> None:
    """Have a running job on YARN use WORKERS workers from the next step on; its model stays the same."""
    from yarnml.clusters.yarn.edge import commands

    if workers is None and reducers is None:
        raise click.UsageError("say how many: a number of workers, --reducers, or both.")
    echo(commands.scale_job(application, workers, reducers))


@cli.command("kill")
@application_argument
def kill_command(application: str) -> None:
    """End a job on YARN; its checkpoints stay."""
    from yarnml.clusters.yarn.edge import commands

    echo(commands.kill_job(application))


for command in (*doctor.COMMANDS, *looking.COMMANDS, *models.COMMANDS, *generating.COMMANDS, *watching.COMMANDS):
    cli.add_command(command)
