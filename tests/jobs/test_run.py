"""The command as its user meets it: what it prints, with a terminal and without, and how it ends."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import sklearn.metrics

import yarnml
from tests.processes import shown_on_terminal
from yarnml.events.events import Outcome
from yarnml.worker.compile_cache import FOLDER_VARIABLE, user_cache_variables

pytestmark = pytest.mark.long

Job = dict[str, Any]


def without_jax(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process that fails where it has loaded JAX."""
    code = f"import sys; sys.argv = ['yarnml', *{arguments!r}]; from yarnml.cli import main\ntry: main()\n"
    code += "finally: assert not {'jax', 'optax'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def test_plain_lines_and_a_summary(digits_job: Job, digits: Path, write_job: Any) -> None:
    """Without a terminal: a line about the plan, a line an epoch, and a summary whose last line can be run.

    The process that leads the job never loads JAX.
    """
    done = without_jax("run", str(write_job(digits_job)))
    lines = done.stdout.splitlines()
    assert lines[0] == "digits: 1438 train rows, 359 test rows in 2 shards; local, 2 workers"
    assert [line.split("  ")[0] for line in lines if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]
    start = next(i for i, line in enumerate(lines) if line.startswith("digits  "))
    facts = dict(line.split("  ", 1) for line in lines[start:])
    facts.pop("backups", "")  # on a busy machine some tasks are late
    assert list(facts) == ["digits", "test", "time", "a step", "checkpoint", "model", "use it"]
    assert "\x1b" not in done.stdout
    assert Path(facts["checkpoint"].strip()).is_dir()
    table = pq.read_table(digits / "test")
    predicted = eval(facts["use it"].strip(), {"yarnml": yarnml, "table": table})
    accuracy = float(re.findall(r"accuracy ([\d.]+)", facts["test"])[0])
    assert np.mean(predicted == table["digit"].to_numpy()) == pytest.approx(accuracy, abs=1e-4)


def test_a_live_line_on_a_terminal(digits_job: Job, write_job: Any) -> None:
    """On a terminal one line shows round, step, loss, rows per second and workers while it trains."""
    digits_job["training"]["epochs"] = 30
    line = [sys.executable, "-m", "yarnml", "run", str(write_job(digits_job)), "--backend", "inline"]
    status, shown = shown_on_terminal(line, os.environ | {"TERM": "xterm-256color"})
    assert status == 0, shown.decode()
    assert re.search(rb"round \d+  step \d+/360  loss [\d.e-]+  [\d,]+ rows/s  1 worker", shown)


def test_from_python(digits_job: Job, digits: Path) -> None:
    """yarnml.run takes the same mapping and returns the outcome; load_model predicts from its export."""
    outcome = yarnml.run(digits_job, "inline")
    assert isinstance(outcome, Outcome)
    assert outcome.export is not None
    model = yarnml.load_model(outcome.export)
    table = pq.read_table(digits / "test")
    assert np.mean(model.predict(table) == table["digit"].to_numpy()) == outcome.metrics["test"]["accuracy"]
    marks = [outcome.seconds[f"until_{what}"] for what in ("planned", "joined", "built", "updated")]
    assert marks == sorted(marks)
    assert marks[-1] < outcome.seconds["total"]


PROGRAMS = ["init", "map_flat", "update_flat", "evaluate_rows"]


def test_a_second_job_compiles_nothing(
    digits_job: Job, write_job: Any, yarnml_command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs compiled for one job are loaded by the next, from a folder of the user's alone, to the same bits.

    Of the first job's two workers, that begin together, one compiles each program, and the other loads it.  A job in
    one process loads them, too.
    """
    for name in [name for name in os.environ if name.startswith(("JAX_COMPILATION", "JAX_PERSISTENT"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("JAX_LOG_COMPILES", "1")
    digits_job["training"]["epochs"] = 1
    digits_job["workers"] = {"count": 2}
    logs = Path(digits_job["checkpoint"]["path"]) / "logs"
    written = []
    models = []
    loaded = []
    for backend in ("local", "local", "inline"):
        done = yarnml_command("run", write_job(digits_job), "--restart", "--backend", backend)
        assert done.returncode == 0, done.stderr
        written.append({p.name: p.stat().st_mtime_ns for p in tmp_path.glob("cache/yarnml/compiled/*/*-cache")})
        models.append(max(Path(digits_job["export"]).glob("*/model.safetensors")).read_bytes())
        texts = [done.stderr] if backend == "inline" else [log.read_text() for log in logs.glob("worker-*.log")]
        hits = [name for text in texts for name in re.findall("cache hit for 'jit_+([a-z_]+)'", text)]
        loaded.append(sorted(name for name in hits if name in PROGRAMS))
    assert loaded == [sorted(PROGRAMS), sorted(2 * PROGRAMS), sorted(PROGRAMS)]
    assert written[0]
    assert written[0] == written[1] == written[2]
    assert models[0] == models[1] == models[2]
    (folder,) = tmp_path.glob("cache/yarnml/compiled/*")
    assert folder.stat().st_mode & 0o077 == 0


def test_programs_are_not_kept_where_others_write(tmp_path: Path) -> None:
    """A folder that others can write to is not used, nor one that can't be made; a user's own choice is."""
    places = user_cache_variables(1, {"XDG_CACHE_HOME": str(tmp_path)})
    Path(places[FOLDER_VARIABLE]).chmod(0o777)
    assert user_cache_variables(1, {"XDG_CACHE_HOME": str(tmp_path)}) == {}
    assert user_cache_variables(2, {"XDG_CACHE_HOME": str(tmp_path)})[FOLDER_VARIABLE] != places[FOLDER_VARIABLE]
    (tmp_path / "file").touch()
    assert user_cache_variables(1, {"XDG_CACHE_HOME": str(tmp_path / "file")}) == {}
    assert user_cache_variables(1, {}) == {}
    assert user_cache_variables(1, {FOLDER_VARIABLE: "mine", "XDG_CACHE_HOME": str(tmp_path)}) == {}


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_is_quick_and_light(arguments: list[str]) -> None:
    """Help needs neither JAX nor a job."""
    done = without_jax(*arguments)
    assert "yarnml" in done.stdout.lower() or "JOB.yaml" in done.stdout


def test_early_stopping_keeps_the_best(digits_job: Job) -> None:
    """Training stops when patience is over, and the exported model is the one of the best epoch."""
    digits_job["data"]["validation"] = 0.2
    digits_job["training"] = {
        "epochs": 60,
        "batch_size": 64,
        "early_stopping": {"metric": "loss", "patience": 2, "min_delta": 0.001},
    }
    digits_job["learner"]["optimizer"] = {"kind": "adam", "learning_rate": 0.05}
    outcome = yarnml.run(digits_job, "inline")
    assert outcome.stopped_early
    assert outcome.epochs < 60
    steps = outcome.step // (outcome.epochs - 2)
    assert outcome.step == steps * (outcome.epochs - 2)
    again = yarnml.run(digits_job, "inline")
    assert again.already
    one_more = yarnml.run(
        digits_job
        | {
            "training": {"epochs": outcome.epochs - 2, "batch_size": 64},
            "checkpoint": {"path": digits_job["checkpoint"]["path"] + "-plain"},
        },
        "inline",
    )
    assert one_more.metrics["validation"] == outcome.metrics["validation"]


def test_metrics_that_are_asked_for(digits_job: Job) -> None:
    """The outcome has them, worked out from the exported model's own predictions, and one can stop the training."""
    digits_job["evaluation"] = {"metrics": ["log_loss", "weighted_f1", "per_class"]}
    digits_job["training"]["early_stopping"] = {"metric": "macro_recall", "patience": 2}
    outcome = yarnml.run(digits_job, "inline")
    metrics = outcome.metrics["test"]
    table = pq.read_table(digits_job["data"]["test"])
    label = table["digit"].to_numpy()
    model = yarnml.load_model(outcome.export)
    predicted = model.predict(table)
    assert metrics["log_loss"] == pytest.approx(sklearn.metrics.log_loss(label, model.outputs(table)), rel=1e-4)
    for name, average in {"weighted_f1": "weighted", "macro_recall": "macro"}.items():
        score = {"f1": sklearn.metrics.f1_score, "recall": sklearn.metrics.recall_score}[name.split("_")[1]]
        assert metrics[name] == pytest.approx(score(label, predicted, average=average))
    recalls = sklearn.metrics.recall_score(label, predicted, average=None)
    assert [metrics[f"recall[{digit}]"] for digit in range(10)] == pytest.approx(recalls)


@pytest.mark.parametrize("every", ["1 epoch", "5 steps", "7 steps"])
def test_checkpoints_come_as_asked(digits_job: Job, every: str) -> None:
    """Checkpoints appear at every period and at the end, the newest ``keep`` stay, and nothing temporary."""
    digits_job["checkpoint"] |= {"every": every, "keep": 2}
    outcome = yarnml.run(digits_job, "inline")
    count, unit = every.split()
    period = int(count) * (12 if unit == "epoch" else 1)
    kept = sorted({*range(period, 25, period), 24})[-2:]
    names = sorted(p.name for p in (Path(digits_job["checkpoint"]["path"]) / "checkpoints").iterdir())
    assert names == [f"step-{step:012d}" for step in kept]
    assert outcome.step == 24
