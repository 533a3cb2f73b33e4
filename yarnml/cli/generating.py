"""The command that lets a language model write: ``yarnml generate``."""

from itertools import islice

import click

from yarnml.cli.shared import echo
from yarnml.job.fields import LARGEST_INT


@click.command("generate")
@click.argument("model", metavar="MODEL")
@click.option("--prompt", default="", metavar="TEXT", help="The beginning, which the model goes on from.")
@click.option(
    "--tokens",
    default=200,
    show_default=True,
    type=click.IntRange(1, LARGEST_INT),
    help="Pieces to write, if the text does not end before.",
)
@click.option(
    "--temperature",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Less keeps to what is probable; 0 takes the most probable piece each time.",
)
@click.option(
    "--top-k", type=click.IntRange(1, LARGEST_INT), help="Draw from so many of the most probable pieces only."
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, LARGEST_INT),
    help="The same one gives the same text.",
)
def generate_command(model: str, prompt: str, tokens: int, temperature: float, top_k: int | None, seed: int) -> None:
    """Write text by a language model: the prompt, and what the model puts behind it.

    MODEL is a version of a model, an alias of one (models@production), or the folder of its versions.
    """
    from yarnml.model.generation import pieces_behind

    pieces = pieces_behind(model, prompt, temperature, top_k, seed)
    echo(prompt, nl=False)
    for piece in islice(pieces, tokens):
        echo(piece, nl=False)
    echo("")


COMMANDS: tuple[click.Command, ...] = (generate_command,)
"""Those that `yarnml.cli.commands` adds to its own."""
