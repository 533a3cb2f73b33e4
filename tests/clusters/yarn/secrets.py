"""A secret that was planted in a job's variables, looked for in all that a cluster keeps of the job."""

import tempfile
from pathlib import Path

from tests import families
from tests.applications import CONTAINER, LEAD, USER, Cluster, Job
from yarnml.clusters.yarn.application import JOB_FILE
from yarnml.clusters.yarn.packaging.provision import VARIABLES

SECRET = "hunter2 '\"$HOME `id` \\ $(id)\nand a second line, höchst geheim"

SECRET_FILES = {JOB_FILE, VARIABLES}
"""The files of a running job that have the secret: in its containers' folders, for its user alone."""

_BLOCKS = "blocks"  # of HDFS, which `stored_secrets` reads


def check_environment(cluster: Cluster) -> None:
    """Every process of the job has the value that the job file has, and no command line of theirs has it."""
    processes = [*cluster.processes(LEAD), *cluster.processes(CONTAINER)]
    assert len(processes) >= 3
    assert {process.environ()["VAULT_KEY"] for process in processes} == {SECRET}
    containers = [process for host in cluster.hadoop.hosts for process in cluster.hadoop.containers(host)]
    assert not [process for process in containers if "hunter2" in families.line(process)]


def places_of_secret(cluster: Cluster) -> set[str]:
    """The names of the files with the secret below the cluster's own folder: scripts, logs, states, copies."""
    files = [path for path in cluster.hadoop.folder.rglob("*") if _BLOCKS not in path.parts and path.is_file()]
    assert any(path.name == "launch_container.sh" for path in files)
    holders = [path for path in files if b"hunter2" in path.read_bytes()]
    assert [str(path) for path in holders if path.stat().st_mode & 0o077] == []
    return {path.name for path in holders}


def kept_on_the_edge_node() -> list[str]:
    """The folders for temporary files of a submit that is over, with the secret."""
    files = [path for path in Path(tempfile.gettempdir()).glob("yarnml-*/*") if path.name in SECRET_FILES]
    return [str(path) for path in files if b"hunter2" in path.read_bytes()]


def staged_openly(cluster: Cluster) -> list[str]:
    """The files with the secret in the staging folders of applications that others may read."""
    staged = [file for file in cluster.hdfs.list_status(f"{USER}/.skein", recursive=True) if _is_secret(file.path)]
    assert len(staged) >= len(SECRET_FILES)
    return [file.path for file in staged if file.permission & 0o077]


def _is_secret(path: str) -> bool:
    return path.rpartition("/")[2] in SECRET_FILES


def stored_secrets(cluster: Cluster, job: Job) -> list[str]:
    """The files with the secret in the job's folders on HDFS."""
    folders = [url.removeprefix(cluster.hadoop.hdfs) for url in (job["checkpoint"]["path"], job["export"])]
    files = [f"{folder}/{name}" for folder in folders for name in cluster.files(folder) if Path(name).suffix]
    assert len(files) > 3
    return [file for file in files if b"hunter2" in cluster.read(file)]
