"""The command that looks at data before there is a job: ``yarnml look``."""

from pathlib import Path
from typing import get_args

import click
import msgspec

from yarnml.cli.shared import echo
from yarnml.errors import JobFileError
from yarnml.job.csv import Csv, check_csv
from yarnml.job.document import parse
from yarnml.job.explain import check_keys, explain
from yarnml.job.fields import LARGEST_INT, FormatName
from yarnml.job.places import absolute_path


@click.command("look")
@click.argument("data", metavar="DATA…", nargs=-1, required=True)
@click.option("--label", metavar="COLUMN", help="The column to predict.")
@click.option("--write", metavar="JOB.yaml", help="Write a first job file, a guess that runs.")
@click.option("--format", default="auto", show_default=True, type=click.Choice(get_args(FormatName)))
@click.option("--csv", metavar="MAPPING", help="The dialect of CSV, as data.csv of a job file: '{delimiter: \";\"}'.")
@click.option("--rows", type=click.IntRange(1, LARGEST_INT), help="Read only so many of the first rows, or a few more.")
@click.option("--report", metavar="PAGE.html", help="Write a page with plots, in the place of an old one.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def look_command(
    data: tuple[str, ...],
    label: str | None,
    write: str | None,
    format: str,
    csv: str | None,
    rows: int | None,
    report: str | None,
    as_json: bool,
) -> None:
    """Show what data hold: files, rows, types, nulls, different values, quantiles, and the values that come most often.

    DATA are files, folders or globs.
    """
    from yarnml.data.look.first_job import as_yaml, first_job
    from yarnml.data.look.survey import look
    from yarnml.data.look.table import as_table

    target = Path(write) if write else None
    if target and target.exists():
        raise JobFileError(f"--write: {target} exists; remove it, or name another file.")
    urls = [absolute_path("DATA", url, Path.cwd()) for url in data]
    seen = look(urls, format, "DATA", _dialect(csv), rows)
    echo(msgspec.json.format(msgspec.json.encode(seen)).decode() if as_json else as_table(seen))
    if report:
        from yarnml.watch.look import write_page

        said = write_page(seen, report)
        if not as_json:
            echo(said)
    if target:
        text = as_yaml(first_job(seen, label, str(target.absolute())))
        try:
            with open(target, "x", encoding="utf-8") as file:
                file.write(text)
        except OSError as exc:
            raise JobFileError(f"--write: {target} can't be written: {exc}") from exc
        if not as_json:
            echo(f"{target} is written; run it by: yarnml run {target}")


def _dialect(text: str | None) -> Csv | None:
    """The dialect that a command line names."""
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
