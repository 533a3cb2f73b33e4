"""The command that looks at data before there is a job: ``yarnml look``."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
import msgspec

from yarnml.cli.rows_jobs import PLACES, rows_job, run_rows_job, submit_rows_job, workers_option
from yarnml.cli.shared import echo, set_option
from yarnml.errors import JobFileError
from yarnml.job.fields import LARGEST_INT, FormatName

if TYPE_CHECKING:
    from yarnml.data.look.survey import Look
    from yarnml.job.csv import Csv


@click.command("look")
@click.argument("data", metavar="DATA…", nargs=-1, required=True)
@click.option("--label", metavar="COLUMN", help="The column to predict.")
@click.option("--write", metavar="JOB.yaml", help="Write a first job file, a guess that runs.")
@click.option("--format", default="auto", show_default=True, type=click.Choice(get_args(FormatName)))
@click.option("--csv", metavar="MAPPING", help="The dialect of CSV, as data.csv of a job file: '{delimiter: \";\"}'.")
@click.option("--rows", type=click.IntRange(1, LARGEST_INT), help="Read only so many of the first rows, or a few more.")
@click.option("--report", metavar="PAGE.html", help="Write a page with plots, in the place of an old one.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option(
    "--backend",
    default="inline",
    show_default=True,
    type=PLACES,
    help="Where the rows are read: in this process, in workers here, or on YARN.",
)
@click.option("--output", metavar="URL", help="A new JSON file for what was seen; needed with --backend yarn.")
@workers_option
@set_option
def look_command(
    data: tuple[str, ...],
    label: str | None,
    write: str | None,
    format: str,
    csv: str | None,
    rows: int | None,
    report: str | None,
    as_json: bool,
    backend: str,
    output: str | None,
    workers: int | None,
    overrides: tuple[str, ...],
) -> None:
    """Show what data hold: files, rows, types, nulls, different values, quantiles, and the values that come most often.

    DATA are files, folders or globs.  Every backend sees the same, to the bit.
    """
    from yarnml.data.look.first_job import as_yaml, first_job
    from yarnml.data.look.table import as_table
    from yarnml.job.places import absolute_path

    if backend == "yarn" and (not output or as_json):
        raise click.UsageError("with --backend yarn what was seen goes to a file; give --output, and leave --json out.")
    target = Path(write) if write else None
    if target and target.exists():
        raise JobFileError(f"--write: {target} exists; remove it, or name another file.")
    if output or backend != "inline":
        dialect = msgspec.to_builtins(_dialect(csv))
        section = {"data": list(data), "format": format, "csv": dialect, "rows": rows}
        seen = _look_by_job(section, backend, output, workers, overrides)
    else:
        from yarnml.data.look.survey import look

        seen = look([absolute_path("DATA", url, Path.cwd()) for url in data], format, "DATA", _dialect(csv), rows)
    echo(msgspec.json.format(msgspec.json.encode(seen)).decode() if as_json else as_table(seen))
    if report:
        from yarnml.watch.look import write_page

        said = write_page(seen, report)
        if not as_json:
            echo(said)
    if target:
        from yarnml import storage
        from yarnml.storage import atomic

        text = as_yaml(first_job(seen, label, str(target.absolute())))
        try:
            with atomic.create(str(target.absolute())) as url:
                storage.write(url, text.encode())
        except OSError as exc:
            raise JobFileError(f"--write: {target} can't be written: {exc}") from exc
        if not as_json:
            echo(f"{target} is written; run it by: yarnml run {target}")


def _look_by_job(
    section: dict[str, Any], backend: str, output: str | None, workers: int | None, overrides: tuple[str, ...]
) -> "Look":
    """Have the processes of a job look at data; its events on this machine go to standard error."""
    from yarnml.data.look.document import read_document
    from yarnml.job.look import DataLook

    with tempfile.TemporaryDirectory(prefix="yarnml-") as folder:
        section = {**section, "output": output or f"{folder}/look.json"}
        job = rows_job("look", section, workers, overrides)
        if backend == "yarn":
            submit_rows_job(job)
        else:
            run_rows_job(job, backend)
        assert isinstance(job, DataLook)
        return read_document(job.output).look


def _dialect(text: str | None) -> "Csv | None":
    """The dialect that a command line names."""
    from yarnml.job.csv import Csv, check_csv
    from yarnml.job.document import parse
    from yarnml.job.explain import check_keys, explain

    if text is None:
        return None
    document = parse(text, "--csv: the value")
    check_keys(document, Csv, "--csv")
    try:
        dialect = msgspec.convert(document, Csv)
    except msgspec.ValidationError as exc:
        raise JobFileError(f"--csv: {explain(str(exc), document, Csv)}") from exc
    check_csv(dialect, "--csv")
    return dialect


COMMANDS: tuple[click.Command, ...] = (look_command,)
"""Those that `yarnml.cli.commands` adds to its own."""
