"""Traces of a worker's steps can be looked at."""

import gzip
import json
from pathlib import Path
from typing import Any

import jax
from click.testing import CliRunner

from tests.conftest import Job
from yarnml.cli.commands import cli


def test_every_worker_leaves_a_trace(digits_job: Job, write_job: Any, tmp_path: Path) -> None:
    """With --profile, and not without, the job's folder has a trace of the steps; the model has the same bits.

    TensorBoard's profiler has one, too, where the job writes for TensorBoard.
    """
    line = ["run", str(write_job(digits_job)), "--backend", "inline", "--restart"]
    folder = tmp_path / "job/profile"
    models = []
    for options in ([], ["--profile", "--set", "monitor.tensorboard=true"]):
        assert not folder.exists()
        done = CliRunner().invoke(cli, [*line, *options])
        assert done.exit_code == 0, done.output
        models.append(sorted((tmp_path / "models").glob("*/model.safetensors"))[-1].read_bytes())
    assert models[0] == models[1]
    (traced,) = folder.iterdir()
    assert traced.name == "worker-0.trace.json.gz"
    names = {str(event.get("name")) for event in json.loads(gzip.decompress(traced.read_bytes()))["traceEvents"]}
    assert any("_map_flat" in name for name in names)
    (profiled,) = (tmp_path / "job/tensorboard/plugins/profile/steps").iterdir()
    assert profiled.name == "worker-0.xplane.pb"
    planes = jax.profiler.ProfileData.from_file(str(profiled)).planes
    assert any("_map_flat" in event.name for plane in planes for line in plane.lines for event in line.events)
    assert any("_update_flat" in name for name in names)
