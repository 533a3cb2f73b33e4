"""``python -m benchmarks [NAME [--option …]] …``: the named ones, or the usual ones; ``--help`` lists all."""

import inspect
from collections.abc import Callable

import click

from benchmarks import (
    als,
    asynchronous,
    boosting,
    defaults,
    feed,
    files,
    formats,
    growth,
    hdfs,
    kmeans,
    measure,
    parts,
    passes,
    plan,
    plot,
    predict,
    record,
    safety,
    savings,
    secured,
    seeding,
    slow_network,
    slow_worker,
    sparse,
    start,
    step,
    straggler,
    streams,
    submit,
    two_tower,
    wide,
)

USUAL: dict[str, Callable[..., None]] = {
    "step": step.main,
    "pass": passes.main,
    "feed": feed.main,
    "growth": growth.main,
    "start": start.main,
    "wide": wide.main,
    "formats": formats.main,
}
OTHERS: dict[str, Callable[..., None]] = {
    "defaults": defaults.main,
    "kmeans": kmeans.main,
    "boosting": boosting.main,
    "als": als.main,
    "seeding": seeding.main,
    "predict": predict.main,
    "sparse": sparse.main,
    "two-tower": two_tower.main,
    "asynchronous": asynchronous.main,
    "parts": parts.main,
    "safety": safety.main,
    "plan": plan.main,
    "savings": savings.main,
    "slow-network": slow_network.main,
    "slow-worker": slow_worker.main,
    "straggler": straggler.main,
    "streams": streams.main,
    "hdfs": hdfs.main,
    "files": files.main,
    "submit": submit.main,
    "secured": secured.main,
}
FILES: dict[str, Callable[..., None]] = {"record": record.main, "plot": plot.main}


@click.group(chain=True, invoke_without_command=True)
@click.pass_context
def cli(context: click.Context) -> None:
    """Figures: yarnml beside other programs, in turn.  Without a name: the first ones, in about ten minutes."""
    measure.hold()
    if context.invoked_subcommand is None:
        for main in USUAL.values():
            main()


def command(name: str, main: Callable[..., None]) -> click.Command:
    """The arguments of a benchmark, each with a default, as options."""
    given = inspect.signature(main).parameters.values()
    options = [
        click.Option([f"--{p.name}"], default=p.default, show_default=True, is_flag=isinstance(p.default, bool))
        for p in given
    ]
    return click.Command(name, callback=main, params=list(options), help=main.__doc__)


for name, main in (USUAL | OTHERS | FILES).items():
    cli.add_command(command(name, main))

if __name__ == "__main__":
    cli()
