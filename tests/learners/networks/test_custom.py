"""A user's own model: every form of it trains, and whatever is wrong with it is told once, before any training."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import yarnml
from yarnml.errors import JobFileError, ModelError

pytestmark = pytest.mark.long

GOOD = """
import jax
import jax.numpy as jnp

class Net:
    def __init__(self, width=4):
        self.width = width

    def init(self, key, schema):
        return {"w": jax.random.normal(key, (schema.width, schema.outputs)), "b": jnp.zeros(schema.outputs)}

    def predict(self, p, x):
        return jax.nn.softmax(x @ p["w"] + p["b"])

    def loss(self, p, x, y):
        return -jnp.take_along_axis(jnp.log(self.predict(p, x)), y[:, None], axis=1)[:, 0]

ready = Net()
init, predict, loss = ready.init, ready.predict, ready.loss
"""

JUMP = {"kind": "piecewise_constant_schedule", "init_value": 1.0}

Train = Callable[..., Any]


@pytest.fixture
def train(tmp_path: Path, write_table: Callable[..., Path]) -> Train:
    """Writes a model file and trains it inline on 60 rows of 3 classes; returns the outcome."""
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 4))
    data = write_table("train.parquet", x=list(x), y=np.argmax(x[:, :3], axis=1), z=x[:, 0])

    def run(source: str, name: str = ":Net", label: str = "y", **learner: Any) -> Any:
        (tmp_path / "my_model.py").write_text(textwrap.dedent(source))
        job = {
            "name": "own",
            "data": {"train": str(data), "features": ["x"], "label": label},
            "learner": {
                "path": f"{tmp_path}/my_model.py{name}",
                "optimizer": {"kind": "adam", "learning_rate": 0.1},
                **learner,
            },
            "training": {"epochs": 2, "batch_size": 16},
            "checkpoint": {"path": str(tmp_path / "job")},
            "export": str(tmp_path / "models"),
        }
        return yarnml.run(job, backend="inline", restart=True)

    return run


def failing(**functions: str) -> str:
    """`GOOD` with the bodies of some functions replaced."""
    source = GOOD
    for name, body in functions.items():
        head = next(line for line in GOOD.splitlines() if line.strip().startswith(f"def {name}("))
        source = source.replace(head, f"{head}\n        {body}")
    return source


def test_class_instance_and_module_train_the_same(train: Train) -> None:
    """The three forms are one model: the same parameters, byte for byte."""
    files = []
    for name in (":Net", ":ready", ""):
        outcome = train(GOOD, name)
        files.append(Path(outcome.export, "model.safetensors").read_bytes())
    assert len(set(files)) == 1


def test_options_are_the_class_s_arguments(train: Train) -> None:
    """learner.options arrive as keyword arguments; unknown ones are the class's own TypeError."""
    source = failing(init='assert self.width == 9; return {"w": jnp.zeros((schema.width, 3)), "b": jnp.zeros(3)}')
    assert train(source, options={"width": 9}).step > 0
    with pytest.raises(ModelError, match=r"my_model.py:Net raised TypeError: .*unexpected keyword argument 'depth'"):
        train(GOOD, options={"depth": 1})


def test_numpy_parameters_become_float32(train: Train) -> None:
    """init may compute with NumPy: its float64 arrays are taken as float32."""
    outcome = train(failing(init='import numpy as np; return {"w": np.eye(4, 3), "b": np.zeros(3)}'))
    x = np.eye(4)
    assert yarnml.load_model(outcome.export).outputs(x).shape == (4, 3)


def test_a_helper_beside_the_model_can_be_imported(train: Train, tmp_path: Path) -> None:
    """The model file's folder is on the import path, and its name hides no module of the same name."""
    (tmp_path / "a_helper_of_mine.py").write_text("factor = 3.0\n")
    assert train("from a_helper_of_mine import factor\n" + GOOD).step > 0


@pytest.mark.parametrize(
    ("functions", "words"),
    [
        ({"loss": "return jnp.zeros(())"}, r"loss must return one float per row, shape \[\d+\].*float32 of shape \[\]"),
        ({"loss": "return jnp.zeros((len(y), 1))"}, r"loss must return one float per row.*shape \[\d+, 1\]"),
        ({"loss": "return 0.0"}, "loss must return one float per row.*but returned a float"),
        ({"loss": "return y"}, "loss must return one float per row.*int32"),
        ({"predict": "return x[:, 0]", "loss": "return x[:, 0]"}, r"predict must return \[rows, 3 classes\]"),
        ({"predict": "return x[:1, :3]", "loss": "return x[:, 0]"}, r"predict must return \[rows, 3 classes\]"),
        ({"predict": "return None", "loss": "return x[:, 0]"}, "predict must return.*a NoneType"),
        ({"init": "return {'w': 'text'}"}, r"init must return a pytree of float arrays, but \['w'\] is a str"),
        ({"init": "return [jnp.zeros(2), 3.0]"}, r"init must return.*\[1\] is a float"),
        ({"init": "return jnp.arange(3)"}, r"init must return.*it is int32 of shape \[3\]"),
        ({"init": "return {}"}, "init returned no parameters"),
    ],
)
def test_what_a_function_returns_is_checked(train: Train, functions: dict[str, str], words: str) -> None:
    """A wrong return is named: the function, what it must return, what it did."""
    with pytest.raises(ModelError, match=words) as caught:
        train(failing(**functions))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("my_model.py:Net: ")


def test_predict_of_a_number_is_one_per_row(train: Train) -> None:
    """For a number label, predict must not return a column [rows, 1]."""
    with pytest.raises(ModelError, match=r"predict must return one number per row, shape \[\d+\]"):
        train(failing(predict="return x[:, :1]", loss="return x[:, 0]"), label="z")


@pytest.mark.parametrize("function", ["__init__", "init", "loss", "predict"])
def test_the_users_error_is_shown_with_their_own_lines(train: Train, function: str) -> None:
    """A raise deep in a helper shows the user's frames from their function on, and none of yarnml's or JAX's."""
    source = failing(**{function: "helper()"}, **({"loss": "return x[:, 0]"} if function == "predict" else {}))
    source += "\ndef helper():\n    raise ValueError('the cat ate it')\n"
    if function == "__init__":
        source = source.replace("ready = Net()", "").replace("init, predict, loss = ready", "# ")
    with pytest.raises(ModelError) as caught:
        train(source)
    assert str(caught.value) == "my_model.py:Net raised ValueError: the cat ate it"
    detail = caught.value.detail
    assert detail.count("ValueError: the cat ate it") == 1
    assert "in helper" in detail
    files = [line for line in detail.splitlines() if line.strip().startswith("File ")]
    assert files
    assert all("my_model.py" in line for line in files)


def test_an_error_inside_jax_points_at_the_users_line(train: Train) -> None:
    """Shapes that don't fit are raised by JAX; the trace shows only the line that called it."""
    with pytest.raises(ModelError, match=r"raised TypeError: .*same shape") as caught:
        train(failing(loss="return x @ jnp.ones((17, 2))"))
    files = [line for line in caught.value.detail.splitlines() if line.strip().startswith("File ")]
    assert len(files) == 1
    assert "in loss" in files[0]


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("def init(:\n", ModelError, "raised SyntaxError: .*my_model.py, line 1"),
        ("import a_module_that_is_not_there\n", ModelError, "raised ModuleNotFoundError: .*a_module_that_is_not_there"),
        ("class Other:\n    pass\n", JobFileError, "has no 'Net'; it has Other"),
        (
            "class Net:\n    init = loss = None\n",
            JobFileError,
            r"my_model.py:Net has no function init.*init\(key, schema\)",
        ),
        ("Net = 3\n", JobFileError, "my_model.py:Net has no function init"),
    ],
)
def test_a_file_that_is_no_model_is_refused(train: Train, source: str, error: type, words: str) -> None:
    """Broken, empty or incomplete files are told in one sentence, with what a model needs."""
    with pytest.raises(error, match=words):
        train(source)


def test_a_missing_file_is_named(train: Train, tmp_path: Path) -> None:
    """A path without a file is a mistake in the job file."""
    with pytest.raises(JobFileError, match=r"there is no file .*/no_such.py"):
        train(GOOD, ":Net", path=f"{tmp_path}/no_such.py:Net")


def test_options_need_a_class(train: Train) -> None:
    """An instance or a module takes no arguments."""
    with pytest.raises(JobFileError, match=r"learner.options needs a class, but my_model.py:ready is a Net"):
        train(GOOD, ":ready", options={"width": 2})


def test_a_loss_that_is_no_number_names_its_step(train: Train) -> None:
    """Training stops at the first step whose loss is NaN, and says which."""
    source = failing(loss="return jnp.sum(p['w']) * x[:, 0] / jnp.where(jnp.any(p['b'] != 0), 0.0, 1.0)")
    source = source.replace("x[:, 0] /", "(x[:, 0] + jnp.sum(p['b'])) /")
    with pytest.raises(ModelError, match=r"The loss is (nan|inf|-inf) at step 2\."):
        train(source)


def test_a_model_that_is_no_number_is_not_exported(train: Train, tmp_path: Path) -> None:
    """Parameters that overflow in the very last step, after its loss was fine, never become a version."""
    optimizer = {"kind": "sgd", "learning_rate": {**JUMP, "boundaries_and_scales": {7: 3e38}}}
    with pytest.raises(ModelError, match="holds NaN or infinity after the last step"):
        train(failing(loss="return 100 * x[:, 0] * p['b'][0]"), optimizer=optimizer)
    assert not list((tmp_path / "models").glob("*"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return x[:, :3] if x.shape[0] > 10 else x[:, 1:]", "raised InconclusiveDimensionOperation"),
        ("return host(x)", r"predict can't be exported for any number of rows: .*callback"),
    ],
)
def test_what_cannot_be_exported_is_found_before_training(train: Train, tmp_path: Path, body: str, words: str) -> None:
    """A predict that needs a fixed number of rows, or calls back into Python, is refused before the first step."""
    source = failing(predict=body, loss="return (x @ p['w'])[:, 0]")
    source += "\ndef host(x):\n    return jax.pure_callback(lambda a: a[:, :3], x[:, :3], x)\n"
    with pytest.raises(ModelError, match=words):
        train(source)
    assert not list((tmp_path / "job").glob("checkpoints/step-*"))
    assert not list((tmp_path / "models").glob("*"))


def test_the_command_shows_a_users_error_once(
    yarnml_command: Callable[..., Any], write_job: Callable[..., Path], digits_job: dict[str, Any], tmp_path: Path
) -> None:
    """From the command line with two workers: exit status 1, their traceback once, our frames never."""
    (tmp_path / "mine.py").write_text(failing(loss="raise KeyError('lost')"))
    digits_job["learner"] = {"path": "mine.py:Net"}
    done = yarnml_command("run", write_job(digits_job))
    shown = done.stdout + done.stderr
    assert done.returncode == 1
    assert shown.count("raise KeyError('lost')") == 1
    assert "mine.py:Net raised KeyError: 'lost'" in shown
    assert "learners/custom.py" not in shown
