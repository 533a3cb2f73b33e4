"""The commands ``yarnml models …``: the versions of a model, their aliases, tags and signatures."""

import tempfile
from pathlib import Path
from typing import Literal

import click
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from rich.console import Console

from yarnml import storage
from yarnml.cli.shared import echo
from yarnml.errors import ExportError, JobFileError, translated
from yarnml.events.console import JobConsole
from yarnml.job.fields import LARGEST_INT
from yarnml.job.places import absolute_path
from yarnml.job.processes import Workers
from yarnml.job.quantisation import Quantisation
from yarnml.master.quantisation import quantisation_text, quantise
from yarnml.model import registry, registry_text, signatures
from yarnml.model.aliases import Alias, aliases
from yarnml.model.onnx.export import to_onnx
from yarnml.model.versions import read_model
from yarnml.runner import find_cluster

folder_argument = click.argument("folder", metavar="FOLDER")
version_argument = click.argument("version", metavar="[VERSION]", required=False)
alias_option = click.option(
    "--alias", default="production", show_default=True, metavar="NAME", help="The name that moves."
)


def _absolute(folder: str) -> str:
    return absolute_path("FOLDER", folder, Path.cwd()).rstrip("/")


@click.command("ls")
@folder_argument
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def ls_command(folder: str, as_json: bool) -> None:
    """List all versions, with their aliases and metrics."""
    folder = _absolute(folder)
    versions = registry.all_versions(folder)
    named = aliases(folder)
    if as_json:
        rows = [{"version": v.number, "broken": v.broken, "about": v.about} for v in versions]
        echo(msgspec.json.format(msgspec.json.encode({"aliases": named, "versions": rows})).decode())
    else:
        echo(registry_text.versions_table(versions, named))


@click.command("show")
@folder_argument
@version_argument
def show_command(folder: str, version: str | None) -> None:
    """Show everything about a version: where it comes from, how good it is, what it takes."""
    folder = _absolute(folder)
    chosen = registry.find(folder, version)
    named = aliases(folder)
    entries = {name: Alias(folder, name).entries for name, number in named.items() if number == chosen.number}
    echo(registry_text.details(folder, chosen, named, entries))


@click.command("compare")
@folder_argument
@click.argument("left", metavar="VERSION")
@click.argument("right", metavar="[VERSION]", required=False)
def compare_command(folder: str, left: str, right: str | None) -> None:
    """Show the metrics of two versions side by side, and what else differs."""
    folder = _absolute(folder)
    echo(registry_text.comparison(registry.find(folder, left), registry.find(folder, right)))


@click.command("promote")
@folder_argument
@version_argument
@alias_option
@click.option("--if", "condition", metavar="CONDITION", help="Such as 'roc_auc > @production.roc_auc'.")
def promote_command(folder: str, version: str | None, alias: str, condition: str | None) -> None:
    """Have an alias name a version; exit status 1 where the condition does not hold."""
    chosen = registry.promote(_absolute(folder), version, alias, condition)
    echo(f"{alias} is version {chosen.number}: {chosen.folder}")


@click.command("rollback")
@folder_argument
@alias_option
def rollback_command(folder: str, alias: str) -> None:
    """Have an alias name the version that it named before."""
    chosen = registry.rollback(_absolute(folder), alias)
    echo(f"{alias} is version {chosen.number} again: {chosen.folder}")


@click.command("tag")
@folder_argument
@click.argument("version", metavar="VERSION")
@click.argument("pairs", metavar="NAME=TEXT…", nargs=-1, required=True)
def tag_command(folder: str, version: str, pairs: tuple[str, ...]) -> None:
    """Give a version tags; an empty text removes one."""
    folder = _absolute(folder)
    changes = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise JobFileError(f"A tag is NAME=TEXT, not '{pair}'.")
        changes[name] = text
    chosen = registry.find(folder, version)
    after = registry.set_tags(folder, chosen.number, changes)
    echo(f"version {chosen.number}: {', '.join(f'{n}={t}' for n, t in after.items()) or 'no tags'}")


@click.command("delete")
@folder_argument
@click.argument("numbers", metavar="[NUMBER…]", nargs=-1, type=click.IntRange(1, LARGEST_INT))
@click.option("--keep", type=click.IntRange(1, LARGEST_INT), help="Delete all but the newest so many.")
@click.option("--alias", metavar="NAME", help="Delete this alias, and no version.")
def delete_command(folder: str, numbers: tuple[int, ...], keep: int | None, alias: str | None) -> None:
    """Delete versions; those that an alias names stay."""
    folder = _absolute(folder)
    if [bool(numbers), keep is not None, alias is not None].count(True) != 1:
        raise click.UsageError("say what to delete: numbers of versions, --keep, or --alias.")
    if alias:
        registry.remove_alias(folder, alias)
        echo(f"{alias} names no version any more")
        return
    chosen = list(numbers) if keep is None else registry.superfluous(folder, keep)
    registry.delete(folder, chosen)
    echo(f"deleted: {', '.join(map(str, chosen)) or 'nothing'}")


@click.command("onnx")
@folder_argument
@version_argument
@click.option("--output", "-o", required=True, metavar="URL", help="The file to write, in the place of an old one.")
def onnx_command(folder: str, version: str | None, output: str) -> None:
    """Write a linear model, or one of trees, as an ONNX file for programs that are not Python."""
    chosen = registry.find(_absolute(folder), version)
    target = absolute_path("--output", output, Path.cwd())
    data = to_onnx(read_model(chosen.folder))
    with translated(ExportError, f"--output {output} can't be written"):
        storage.write(target, data)
    echo(f"version {chosen.number}: {target}, {len(data)} bytes")


@click.command("quantise")
@folder_argument
@version_argument
@click.option("--to", "kind", required=True, type=click.Choice(["int8", "bfloat16"]), help="What weights become.")
@click.option("--data", required=True, multiple=True, metavar="URL", help="Rows with labels, to measure the loss on.")
@click.option("--metric", metavar="NAME", help="What is measured; log_loss or rmse by default.")
@click.option("--tolerance", type=click.FloatRange(0), default=0.01, show_default=True, help="Part it may lose.")
def quantise_command(
    folder: str,
    version: str | None,
    kind: Literal["int8", "bfloat16"],
    data: tuple[str, ...],
    metric: str | None,
    tolerance: float,
) -> None:
    """Make a smaller version of a network, and measure what that costs; none where it costs too much."""
    chosen = registry.find(_absolute(folder), version)
    with tempfile.TemporaryDirectory(prefix="yarnml-") as logs, JobConsole(Console(stderr=True)) as show:
        job = Quantisation(
            model=chosen.folder,
            data=[absolute_path("--data", url, Path.cwd()) for url in data],
            folder=logs,
            kind=kind,
            metric=metric,
            tolerance=tolerance,
            workers=Workers(count=1),
        )
        end = quantise(job, find_cluster("local"), show)
    echo(quantisation_text(end))


@click.command("sign")
@folder_argument
@version_argument
@click.option("--key", required=True, metavar="FILE", help="A private key of Ed25519, as PEM.")
def sign_command(folder: str, version: str | None, key: str) -> None:
    """Sign a version whose files are whole, so that others can trust it."""
    chosen = registry.find(_absolute(folder), version)
    if reason := registry.verify(chosen):
        raise ExportError(reason)
    digest = chosen.about["digests"]["model.json"]
    echo(f"signed: {signatures.sign(chosen.folder, digest, signatures.private_key(key))}")


@click.command("verify")
@folder_argument
@version_argument
@click.option("--key", "keys", multiple=True, metavar="FILE", help="A public key of Ed25519; one must have signed.")
def verify_command(folder: str, version: str | None, keys: tuple[str, ...]) -> int:
    """Read all files of all versions, or of one, and compare digests, and signatures where keys are given.

    The exit status is 1 where a version is torn, or can't be trusted.
    """
    folder = _absolute(folder)
    trusted = [signatures.public_key(key) for key in keys]
    chosen = [registry.find(folder, version)] if version else registry.all_versions(folder)
    reasons = [_reason(one, trusted) for one in chosen]
    for one, reason in zip(chosen, reasons, strict=True):
        echo(f"{one.number:<8}{reason or 'ok'}")
    return int(any(reasons))


def _reason(chosen: registry.Version, trusted: list[Ed25519PublicKey]) -> str:
    """The reason against a version; empty where there is none."""
    reason = registry.verify(chosen)
    if not reason and trusted:
        try:
            signatures.check(chosen.folder, chosen.about["digests"]["model.json"], trusted)
        except ExportError as exc:
            return str(exc)
    return reason


COMMANDS: tuple[click.Command, ...] = (
    ls_command,
    show_command,
    compare_command,
    promote_command,
    rollback_command,
    tag_command,
    delete_command,
    onnx_command,
    quantise_command,
    sign_command,
    verify_command,
)
"""Those of ``yarnml models``."""
