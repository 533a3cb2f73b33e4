"""Skein's services of a job: one for each role and size of memory, all naming the same processes."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from yarnml.clusters.yarn import services
from yarnml.clusters.yarn.application import specification
from yarnml.clusters.yarn.packaging.provision import Provision
from yarnml.control.roles import ProcessId, Role
from yarnml.job.load import load_job


def declared(memory_limits: Mapping[str, int], prelude: str = "", python: str = "python3") -> dict[str, Any]:
    """The services of a job with reducers, where containers can have so many MiB."""
    source = {"name": "j", "data": {"train": "x.csv", "features": ["x"], "label": "y"}, "learner": {"kind": "mlp"}}
    source |= {"workers": {"count": 3, "memory": "2 GiB", "gpus": 1}, "reducers": {"count": 1, "memory": "512 MiB"}}
    provision = Provision(prelude=prelude, python=python, resources={}, variables={})
    application = specification(load_job(source), "job.json", "hdfs:///home", provision, memory_limits)
    by_name: dict[str, Any] = application["services"]
    return by_name


@pytest.mark.parametrize("role", ["worker", "reducer"])
@pytest.mark.parametrize("size", [0, 1, 2])
def test_a_container_names_one_process(role: Role, size: int) -> None:
    """Service and instance make a process with an index of its own, and the process leads back to them."""
    service = services.service_name(role, size)
    process = services.process_of(service, 7)
    assert process.role == role
    assert services.size_of(service) == size
    assert services.container_name(process) == f"{service}_7"


def test_what_is_asked_for_keeps_its_index() -> None:
    """A container of the job's own size is numbered as Skein does; no other size has the same numbers."""
    assert services.process_of("worker", 3) == ProcessId("worker", 3)
    assert len({services.process_of(services.service_name("worker", size), 3) for size in range(3)}) == 3


@pytest.mark.parametrize(
    ("limit", "sizes"), [(8192, [3072, 4096]), (3584, [3072, 3584]), (3072, [3072]), (2048, []), (0, [])]
)
def test_sizes_stay_below_the_limit(limit: int, sizes: list[int]) -> None:
    """One and a half and twice what is asked for, cut at the largest container; nothing that is no more."""
    assert services.larger_memory("2 GiB", limit) == sizes


def test_what_is_declared() -> None:
    """The larger services have no instance, more memory, the rest as it is; without a limit there are none."""
    by_name = declared({"worker": 3072, "reducer": 8192})
    assert list(by_name) == ["worker", "reducer", "worker-larger-1", "reducer-larger-1", "reducer-larger-2"]
    larger = by_name["worker-larger-1"]
    assert (larger["instances"], larger["resources"]) == (0, {"memory": "3072 MiB", "vcores": 1, "gpus": 1})
    assert larger["env"] == by_name["worker"]["env"]
    assert larger["script"].endswith(by_name["worker"]["script"])
    assert list(declared({})) == ["worker", "reducer"]


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        ("kill -KILL $$", 137, "ended by signal 9 (SIGKILL)"),
        ("kill -TERM $$", 143, "ended by signal 15 (SIGTERM)"),
        ("exit 3", 3, ""),
        ("exit 0", 0, ""),
    ],
)
@pytest.mark.parametrize("service", ["reducer", "reducer-larger-1"])
def test_a_containers_last_word(tmp_path: Path, how: str, status: int, said: str, service: str) -> None:
    """A container's script ends as its program does, names the signal, and logs to the file of its role."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/bash\necho begun\n{how}\n")
    program.chmod(0o755)
    script = declared({"reducer": 8192}, "set -eu", str(program))[service]["script"]
    logs = tmp_path / "reducer.log"
    with logs.open("w") as out:
        variables = os.environ | {"LOG_DIRS": f"{tmp_path},/no/such/folder"}
        done = subprocess.run(["bash", "-c", script], env=variables, stdout=out, stderr=out, cwd=tmp_path)
    lines = logs.read_text().splitlines()
    assert done.returncode == status
    assert lines[0] == "begun"
    assert lines[1:] == [] if not said else lines[-1] == said
