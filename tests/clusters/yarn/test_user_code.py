"""The user's own code: it travels with the job, and is part of what a checkpoint belongs to."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import yarnml
from tests.environments import container, names, start, write
from tests.learners.networks.test_custom import GOOD
from yarnml.clusters.yarn.packaging.provision import provide
from yarnml.errors import CheckpointError, JobFileError
from yarnml.job.load import load_job

MODEL = f"import helper\nfrom parts.layers import width\nassert helper.n == 7\n{GOOD}"


@pytest.fixture
def own(tmp_path: Path, write_table: Callable[..., Path]) -> dict[str, Any]:
    """A job whose model imports a module and a package that lie in other folders than its own."""
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 4))
    data = write_table("train.parquet", x=list(x), y=np.argmax(x[:, :3], axis=1))
    write(tmp_path / "models/my_model.py", MODEL)
    write(tmp_path / "lib/helper.py", "n = 7\n")
    write(tmp_path / "shared/parts/__init__.py", "")
    write(tmp_path / "shared/parts/layers.py", "width = 4\n")
    write(tmp_path / "shared/parts/table.json", "{}")
    return {
        "name": "own",
        "data": {"train": str(data), "features": ["x"], "label": "y"},
        "learner": {"path": f"{tmp_path}/models/my_model.py:Net"},
        "training": {"epochs": 2, "batch_size": 16, "shards": 2},
        "environment": {"files": [f"{tmp_path}/lib/helper.py", f"{tmp_path}/shared/parts/"], "python": sys.executable},
        "checkpoint": {"path": str(tmp_path / "job")},
        "export": str(tmp_path / "export"),
    }


RUN = """
import msgspec, yarnml, sys
from yarnml.job.spec import Job
print(yarnml.run(msgspec.json.decode(open("job.json", "rb").read(), type=Job), backend="inline", restart=True).export)
"""


@pytest.mark.long
def test_the_model_is_the_same_where_its_code_has_travelled(
    own: dict[str, Any], yarnml_command: Callable[..., Any], write_job: Callable[..., Path], tmp_path: Path
) -> None:
    """By workers here or in a container where the user's folders don't exist: the same model, file by file."""
    done = yarnml_command("run", write_job(own))
    assert done.returncode == 0, done.stderr
    job = load_job(write_job(own))
    provision = provide(job, str(tmp_path / "home"), lambda text: None)
    assert list(provision.resources) == ["code.zip"]
    travelled = {n for n in names(provision.resources["code.zip"].url) if not n.endswith(".pyc")}
    files = {"my_model.py", "helper.py", "parts/__init__.py", "parts/layers.py", "parts/table.json"}
    assert travelled == {f"own/{name}" for name in files}
    folder = container(provision, tmp_path / "c")
    (folder / "job.json").write_bytes(msgspec.json.encode(job))
    for gone in ("models", "lib", "shared"):
        shutil.move(tmp_path / gone, tmp_path / f"no-{gone}")
    ran = start(provision, folder, RUN)
    assert ran.returncode == 0, ran.stderr
    trained_here = Path(own["export"], "1")
    trained_there = Path(ran.stdout.strip())
    assert trained_there.name == "2"
    for name in ("model.safetensors", "model.stablehlo"):
        assert (trained_here / name).read_bytes() == (trained_there / name).read_bytes()
    about = [json.loads((place / "model.json").read_bytes()) for place in (trained_here, trained_there)]
    assert about[0]["job"] == about[1]["job"]


@pytest.mark.long
def test_a_forgotten_module_is_explained(own: dict[str, Any], tmp_path: Path) -> None:
    """A module beside the model that was not listed is missing in a container; the error says what to do."""
    write(tmp_path / "models/forgotten.py", "")
    write(tmp_path / "models/my_model.py", f"import forgotten\n{MODEL}")
    job = load_job(own)
    provision = provide(job, str(tmp_path / "home"), lambda text: None)
    folder = container(provision, tmp_path / "c")
    (folder / "job.json").write_bytes(msgspec.json.encode(job))
    ran = start(provision, folder, RUN)
    assert "No module named 'forgotten' (modules of your own travel with the job when environment.files" in ran.stderr


def test_changed_files_are_seen(own: dict[str, Any], tmp_path: Path) -> None:
    """A checkpoint is not continued with other code in environment.files; where they lie does not matter."""
    yarnml.run(own, backend="inline")
    shutil.move(tmp_path / "lib", tmp_path / "moved")
    own["environment"]["files"][0] = f"{tmp_path}/moved/helper.py"
    own["training"]["epochs"] = 3
    assert yarnml.run(own, backend="inline").epochs == 3
    write(tmp_path / "shared/parts/layers.py", "width = 5\n")
    own["training"]["epochs"] = 4
    with pytest.raises(CheckpointError, match=r"the code in environment\.files"):
        yarnml.run(own, backend="inline")


def test_two_files_of_one_name_are_refused(own: dict[str, Any], tmp_path: Path) -> None:
    """Side by side one would hide the other, the model's own file included."""
    write(tmp_path / "lib/my_model.py", "")
    own["environment"]["files"].append(f"{tmp_path}/lib/my_model.py")
    with pytest.raises(JobFileError, match=r"lib/my_model\.py and .*models/my_model\.py have one name"):
        load_job(own)


def test_relative_files_are_the_job_file_s(own: dict[str, Any], write_job: Callable[..., Path], tmp_path: Path) -> None:
    """environment.files, .archive and .pex are taken from the job file's folder."""
    own["environment"] = {"files": ["lib/helper.py", "shared/parts"], "archive": "env.tar.gz"}
    environment = load_job(write_job(own)).environment
    assert environment.files == [f"{tmp_path}/lib/helper.py", f"{tmp_path}/shared/parts"]
    assert environment.archive == f"{tmp_path}/env.tar.gz"
