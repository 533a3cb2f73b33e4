"""The commands for trained models: predict, evaluate, explain, recommend, and the group ``models``."""

import tempfile

import click
from rich.console import Console

from yarnml.cli.rows_jobs import backend_option, rows_job, run_rows_job, submit_rows_job, workers_option
from yarnml.cli.shared import echo, restart_option, run, set_option
from yarnml.events.events import EvaluationResult, ExplanationResult
from yarnml.events.model_jobs import evaluation_json, evaluation_table, explanation_text
from yarnml.job.fields import LARGEST_INT


@click.command("predict")
@click.argument("model", metavar="MODEL")
@click.option(
    "--data", required=True, multiple=True, metavar="URL", help="Rows: a file, a folder or a glob; also more."
)
@click.option("--output", required=True, metavar="URL", help="A new folder for the Parquet files.")
@click.option("--keep", default="", metavar="COLUMN,…", help="Columns of the rows that stay beside the predictions.")
@click.option("--no-probabilities", is_flag=True, help="Only the prediction, without the probability of each class.")
@click.option("--leaves", is_flag=True, help="Of a model of trees: the leaf of every tree.")
@click.option("--distances", is_flag=True, help="Of kmeans: the distance to every centre.")
@click.option(
    "--on-error",
    default="fail",
    show_default=True,
    type=click.Choice(["fail", "null"]),
    help="What becomes of a row that can't be predicted.",
)
@backend_option
@workers_option
@set_option
@restart_option
def predict_command(
    model: str,
    data: tuple[str, ...],
    output: str,
    keep: str,
    no_probabilities: bool,
    leaves: bool,
    distances: bool,
    on_error: str,
    backend: str,
    workers: int | None,
    overrides: tuple[str, ...],
    restart: bool,
) -> None:
    """Predict all rows of some data, a file for each run of rows, in their order.

    MODEL is a version of a model, an alias of one (models@production), or the folder of its versions.
    Run the same command again after a stop: the files that are done stay.
    """
    predict = {
        "model": model,
        "data": list(data),
        "output": output,
        "keep": [name for name in keep.split(",") if name],
        "probabilities": not no_probabilities,
        "leaves": leaves,
        "distances": distances,
        "on_error": on_error,
    }
    job = rows_job("predict", predict, workers, overrides)
    if backend == "yarn":
        submit_rows_job(job, restart=restart)
        return
    run(job, backend, Console(highlight=False), restart=restart, tell_end=True)


@click.command("evaluate")
@click.argument("model", metavar="MODEL")
@click.option("--data", required=True, multiple=True, metavar="URL", help="Rows with labels: files, folders or globs.")
@click.option("--by", metavar="COLUMN", help="Also the metrics of each value of this column.")
@click.option("--metrics", default="", metavar="NAME,…", help="These, not all that the label may have.")
@click.option("--output", metavar="URL", help="A new JSON file for the metrics; needed with --backend yarn.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@backend_option
@workers_option
@set_option
def evaluate_command(
    model: str,
    data: tuple[str, ...],
    by: str | None,
    metrics: str,
    output: str | None,
    as_json: bool,
    backend: str,
    workers: int | None,
    overrides: tuple[str, ...],
) -> None:
    """Work out the metrics of a model on rows with labels, exact, also by groups of rows."""
    if backend == "yarn" and (not output or as_json):
        raise click.UsageError("with --backend yarn the metrics go to a file; give --output, and leave --json out.")
    chosen = [name for name in metrics.split(",") if name]
    with tempfile.TemporaryDirectory(prefix="yarnml-") as folder:
        target = output or f"{folder}/evaluation.json"
        section = {"model": model, "data": list(data), "by": by, "metrics": chosen, "output": target}
        job = rows_job("evaluate", section, workers, overrides)
        if backend == "yarn":
            submit_rows_job(job)
            return
        end = run_rows_job(job, backend)
    assert isinstance(end, EvaluationResult)
    echo(evaluation_json(end) if as_json else evaluation_table(end))


@click.command("explain")
@click.argument("model", metavar="MODEL")
@click.option("--data", required=True, multiple=True, metavar="URL", help="Rows: files, folders or globs.")
@click.option("--output", required=True, metavar="URL", help="A new folder for tables and a page.")
@click.option("--keep", default="", metavar="COLUMN,…", help="Columns of the rows that stay beside their values.")
@click.option("--metric", metavar="NAME", help="What importances are measured by; log_loss or rmse by default.")
@click.option(
    "--sample", type=click.IntRange(10, LARGEST_INT), default=10_000, show_default=True, help="Rows, at most."
)
@click.option("--repeats", type=click.IntRange(1, 1000), default=5, show_default=True, help="Of each permutation.")
@click.option("--orders", type=click.IntRange(1, 100_000), default=8, show_default=True, help="Drawn for networks.")
@backend_option
@workers_option
@set_option
def explain_command(
    model: str,
    data: tuple[str, ...],
    output: str,
    keep: str,
    metric: str | None,
    sample: int,
    repeats: int,
    orders: int,
    backend: str,
    workers: int | None,
    overrides: tuple[str, ...],
) -> None:
    """Explain a model on some rows: SHAP values of every row, importances and dependences of every feature.

    Importances need rows with labels; without, they are left out.
    """
    section = {
        "model": model,
        "data": list(data),
        "output": output,
        "keep": [name for name in keep.split(",") if name],
        "metric": metric,
        "sample": sample,
        "repeats": repeats,
        "orders": orders,
    }
    job = rows_job("explain", section, workers, overrides)
    if backend == "yarn":
        submit_rows_job(job)
        return
    end = run_rows_job(job, backend)
    assert isinstance(end, ExplanationResult)
    echo(explanation_text(end))


@click.command("recommend")
@click.argument("model", metavar="MODEL")
@click.option("--top", type=click.IntRange(1, LARGEST_INT), default=10, show_default=True, help="Items for each user.")
@click.option("--output", required=True, metavar="URL", help="A new folder for the Parquet files.")
@click.option("--seen", metavar="URL", help="Rows of users and items that are left out, such as the training data.")
@click.option("--users", metavar="URL", help="Of two towers: rows with the columns of the query.")
@click.option("--items", metavar="URL", help="Of two towers: rows with the columns of the item.")
@click.option("--held-out", metavar="URL", help="Rows of users and items that should be found; tells how many are.")
def recommend_command(
    model: str,
    top: int,
    output: str,
    seen: str | None,
    users: str | None,
    items: str | None,
    held_out: str | None,
) -> None:
    """Write the best items of every user: columns user, item, score and rank.

    MODEL is a version of a model of ratings (als, factorization) or of two towers, or the folder of its versions.
    """
    from yarnml.model.recommend import recommend

    echo(recommend(model, top, output, seen, users, items, held_out))


class _Models(click.Group):
    """The commands of `yarnml.cli.registry`, which is loaded when one of them, or their list, is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        self._load()
        return super().get_command(ctx, cmd_name)

    def _load(self) -> None:
        from yarnml.cli import registry

        for command in registry.COMMANDS:
            self.add_command(command)


@click.group("models", cls=_Models)
def models_group() -> None:
    """Look after the versions of a model: FOLDER is the export of its jobs.

    A VERSION is a number or an alias; without one the newest is meant.
    """


COMMANDS: tuple[click.Command, ...] = (
    predict_command,
    evaluate_command,
    explain_command,
    recommend_command,
    models_group,
)
"""Those that `yarnml.cli.commands` adds to its own."""
