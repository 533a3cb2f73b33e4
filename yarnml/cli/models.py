"""The commands for trained models: predict, evaluate, explain, recommend."""

import tempfile
from pathlib import Path

import click
from rich.console import Console

from yarnml.cli.shared import echo, restart_option, set_option, submit
from yarnml.events.console import JobConsole
from yarnml.job.explanation import ModelExplanation
from yarnml.job.fields import LARGEST_COUNT, LARGEST_INT
from yarnml.job.load import load_prediction
from yarnml.job.model_evaluation import ModelEvaluation
from yarnml.job.places import absolute_path
from yarnml.job.prediction import prediction_document
from yarnml.job.processes import Workers
from yarnml.master.explanation import explain, explanation_text
from yarnml.master.model_evaluation import evaluate, evaluation_json, evaluation_table
from yarnml.model.recommend import recommend
from yarnml.runner import BACKENDS, find_cluster, run_any


@click.command("predict")
@click.argument("model", metavar="MODEL")
@click.option(
    "--data", required=True, multiple=True, metavar="URL", help="Rows: a file, a folder or a glob; also more."
)
@click.option("--output", required=True, metavar="URL", help="A new folder for the Parquet files.")
@click.option("--keep", default="", metavar="COLUMN,…", help="Columns of the rows that stay beside the predictions.")
@click.option("--no-probabilities", is_flag=True, help="Only the prediction, without the probability of each class.")
@click.option(
    "--on-error",
    default="fail",
    show_default=True,
    type=click.Choice(["fail", "null"]),
    help="What becomes of a row that can't be predicted.",
)
@click.option("--backend", default="local", show_default=True, type=click.Choice([*BACKENDS, "yarn"]))
@click.option("--workers", type=click.IntRange(1, LARGEST_COUNT), help="How many processes; 2 where nothing is said.")
@set_option
@restart_option
def predict_command(
    model: str,
    data: tuple[str, ...],
    output: str,
    keep: str,
    no_probabilities: bool,
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
        "on_error": on_error,
    }
    job = load_prediction(prediction_document(predict, workers), overrides)
    if backend == "yarn":
        from yarnml.clusters.yarn.edge.submit import SubmitOptions

        submit(job, SubmitOptions(restart=restart))
        return
    with JobConsole(Console(highlight=False)) as show:
        show(run_any(job, backend, restart=restart, say=show))


@click.command("evaluate")
@click.argument("model", metavar="MODEL")
@click.option("--data", required=True, multiple=True, metavar="URL", help="Rows with labels: files, folders or globs.")
@click.option("--by", metavar="COLUMN", help="Also the metrics of each value of this column.")
@click.option("--metrics", default="", metavar="NAME,…", help="These, not all that the label may have.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--backend", default="local", show_default=True, type=click.Choice(list(BACKENDS)))
@click.option("--workers", type=click.IntRange(1, LARGEST_COUNT), default=2, show_default=True)
def evaluate_command(
    model: str, data: tuple[str, ...], by: str | None, metrics: str, as_json: bool, backend: str, workers: int
) -> None:
    """Work out the metrics of a model on rows with labels, exact, also by groups of rows."""
    chosen = [name for name in metrics.split(",") if name]
    with tempfile.TemporaryDirectory(prefix="yarnml-") as folder, JobConsole(Console(stderr=True)) as show:
        job = ModelEvaluation(
            model=absolute_path("MODEL", model, Path.cwd()),
            data=[absolute_path("--data", url, Path.cwd()) for url in data],
            folder=folder,
            by=by,
            metrics=chosen,
            workers=Workers(count=workers),
        )
        end = evaluate(job, find_cluster(backend), show)
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
@click.option("--backend", default="local", show_default=True, type=click.Choice(list(BACKENDS)))
@click.option("--workers", type=click.IntRange(1, LARGEST_COUNT), default=2, show_default=True)
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
    workers: int,
) -> None:
    """Explain a model on some rows: SHAP values of every row, importances and dependences of every feature.

    Importances need rows with labels; without, they are left out.
    """
    with tempfile.TemporaryDirectory(prefix="yarnml-") as folder, JobConsole(Console(stderr=True)) as show:
        job = ModelExplanation(
            model=absolute_path("MODEL", model, Path.cwd()),
            data=[absolute_path("--data", url, Path.cwd()) for url in data],
            output=absolute_path("--output", output, Path.cwd()),
            folder=folder,
            keep=[name for name in keep.split(",") if name],
            metric=metric,
            sample=sample,
            repeats=repeats,
            orders=orders,
            workers=Workers(count=workers),
        )
        end = explain(job, find_cluster(backend), show)
    echo(explanation_text(end))


@click.command("recommend")
@click.argument("model", metavar="MODEL")
@click.option("--top", type=click.IntRange(1, LARGEST_INT), default=10, show_default=True, help="Items for each user.")
@click.option("--output", required=True, metavar="URL", help="A new folder for the Parquet files.")
@click.option("--seen", metavar="URL", help="Rows of users and items that are left out, such as the training data.")
def recommend_command(model: str, top: int, output: str, seen: str | None) -> None:
    """Write the best items of every user: columns user, item, score and rank.

    MODEL is a version of a model of ratings (als, factorization), or the folder of its versions.
    """
    echo(recommend(model, top, output, seen))


COMMANDS: tuple[click.Command, ...] = (predict_command, evaluate_command, explain_command, recommend_command)
"""Those that `yarnml.cli.commands` adds to its own."""
