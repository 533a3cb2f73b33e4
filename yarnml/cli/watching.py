"""The commands that show what jobs did, from their histories."""

import re
import time
from pathlib import Path

import click
from rich.console import Console

from yarnml.cli.shared import echo, load

APPLICATION = re.compile(r"application_\d+_\d+")


class _WithDefault(click.Group):
    """Commands of which ``list`` is meant where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args and args[0] in {*self.commands, "-h", "--help"}
        return super().parse_args(ctx, args if named else ["list", *args])


@click.group("history", cls=_WithDefault)
def history_commands() -> None:
    """List the runs of jobs in folders, or show them as pages."""


@history_commands.command("list")
@click.argument("folders", metavar="[FOLDER]...", nargs=-1)
def list_command(folders: tuple[str, ...]) -> None:
    """List the runs of jobs in folders and below, newest first; `yarnml history FOLDER` is the same.

    FOLDER is a path or a URL, such as hdfs:///jobs; without one it is the current folder.
    """
    from yarnml.watch.runs import find_runs, runs_table

    runs, unreadable = find_runs([_folder(folder) for folder in folders or (".",)])
    for text in ([runs_table(runs)] if runs else []) + unreadable:
        echo(text)


@history_commands.command("serve")
@click.argument("folder", metavar="[FOLDER]", default=".")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0, the default, takes one that is free.")
def serve_command(folder: str, port: int) -> None:
    """Serve pages of the runs in a folder and below to this machine, until Ctrl-C.

    Only who has the address that is printed gets an answer: it holds a secret.
    """
    from yarnml.watch.live import Runs
    from yarnml.watch.server import PageServer

    with PageServer(Runs(_folder(folder)).render, port=port) as server:
        echo(f"{server.address}  (Ctrl-C ends it)")
        server.serve_forever()


@history_commands.command("targets")
@click.argument("folders", metavar="[FOLDER]...", nargs=-1)
@click.option("--output", "-o", metavar="FILE", required=True, help="The file to write, which Prometheus looks at.")
@click.option(
    "--every", type=click.FloatRange(1, 86400), metavar="SECONDS", help="Do it again and again, until Ctrl-C."
)
def targets_command(folders: tuple[str, ...], output: str, every: float | None) -> None:
    """Collect the addresses at which jobs serve metrics into a file for Prometheus' file discovery.

    FOLDER is a path or a URL, such as hdfs:///jobs; the jobs in it and below that run are found.
    """
    from yarnml.watch.exporters.targets import collect_targets

    tops = [_folder(folder) for folder in folders or (".",)]
    echo(collect_targets(tops, output))
    while every:
        time.sleep(every)
        collect_targets(tops, output)


@click.command("compare")
@click.argument("jobs", metavar="JOB JOB...", nargs=-1, required=True)
def compare_command(jobs: tuple[str, ...]) -> None:
    """Show what differs between jobs, and their metrics side by side.

    JOB is the folder of a job, its checkpoint.path or its output; its job file; or an application of yours.
    """
    from yarnml.watch.runs import comparison, read_run

    echo(comparison([read_run(_job_folder(job)) for job in jobs]))


@click.command("report")
@click.argument("job", metavar="JOB")
@click.option("--output", "-o", metavar="FILE", default="report.html", show_default=True, help="The file to write.")
def report_command(job: str, output: str) -> None:
    """Write what a job did into one file that any browser shows, without a network.

    JOB is the folder of a job, its checkpoint.path or its output; its job file; or an application of yours.
    A file of the name that is given to --output is replaced.
    """
    from yarnml.watch.report import write_report
    from yarnml.watch.runs import read_run

    echo(write_report(read_run(_job_folder(job)), output))


@click.command("top")
@click.argument("job", metavar="APP")
@click.option("--once", is_flag=True, help="Print what there is now, and end.")
def top_command(job: str, once: bool) -> None:
    """Watch a job in this terminal until it ends; Ctrl-C leaves it alone.

    APP is an application's id, the name of a job of yours on YARN, the folder of any job, its checkpoint.path or its
    output, or its job file.
    """
    from yarnml.watch.top import show

    is_name = "/" not in job and not job.endswith((".yaml", ".yml")) and not Path(job).exists()
    show(_folder_of_job(job) if is_name else _job_folder(job), Console(highlight=False), once=once)


def _folder_of_job(name: str) -> str:
    """The folder of a job on YARN."""
    from yarnml.clusters.yarn.edge.commands import folder_of_job

    return folder_of_job(name)


def _folder(job: str) -> str:
    """The folder of a job that is named by it, by its job file, or by an application's id."""
    if APPLICATION.fullmatch(job):
        return _folder_of_job(job)
    if job.endswith((".yaml", ".yml")):
        return load(job).folder
    from yarnml.job.places import absolute_path

    return absolute_path("JOB", job, Path.cwd())


def _job_folder(job: str) -> str:
    """The folder of a job, which may also be named by the output that it makes of a model."""
    from yarnml.watch.runs import folder_of_output

    return folder_of_output(_folder(job))


COMMANDS = (history_commands, compare_command, report_command, top_command)
