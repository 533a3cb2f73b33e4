"""The Hadoop cluster of docker-compose.yml: ``python docker/cluster.py up | up-secure | down | images | check``.

``up`` makes the images, starts the containers, and waits until HDFS and YARN have all their workers; ``up-secure``
does it with Kerberos (docker-compose.secure.yml); ``images`` makes what no change of yarnml touches, for a quick ``up``
later; ``check`` says whether all that is possible here.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WORKERS = {"worker1", "worker2", "worker3"}
GPU_WORKER = "worker3"
FOLDERS = {"/user/alice", "/user/bob"}
DEADLINE = 180.0
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "http_proxy", "https_proxy", "no_proxy")


class Profile(Protocol):
    """A kind of cluster.

    ``hdfs``, ``yarn``: the URLs of its web services.
    ``files``: those of docker-compose.
    ``images``: their stages in the Dockerfile.
    ``options``: of hadoop-home, for the parts of Hadoop that it needs.
    """

    hdfs: str
    yarn: str
    files: tuple[str, ...]
    images: tuple[str, ...]
    options: tuple[str, ...]

    def get(self, url: str) -> Any:
        """Ask a web service; OSError where it does not answer."""


class Open:
    """The cluster that believes everybody, whose web services are published to this machine."""

    hdfs = "http://127.0.0.1:9870"
    yarn = "http://127.0.0.1:8088"
    files = ("docker-compose.yml",)
    images = ("node", "edge")
    options: tuple[str, ...] = ()

    def get(self, url: str) -> Any:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)


class Secure:
    """The cluster with Kerberos, whose web services are asked with the NameNode's ticket, in its container."""

    hdfs = "https://namenode.yarnml.test:9871"
    yarn = "https://resourcemanager.yarnml.test:8090"
    files = (*Open.files, "docker-compose.secure.yml")
    images = ("secure-node", "secure-edge")
    options = ("--native",)

    def get(self, url: str) -> Any:
        curl = ["curl", "--silent", "--fail", "--max-time", "5", "--negotiate", "--user", ":"]
        line = [*curl, "--cacert", "/users/ca.pem", "--header", "Accept: application/json", url]
        done = subprocess.run(
            [*compose(self), "exec", "-T", "namenode", *line], cwd=HERE, capture_output=True, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            raise OSError(f"{url} does not answer")
        return json.loads(done.stdout)


OPEN = Open()
SECURE = Secure()


def compose(profile: Profile = OPEN) -> list[str]:
    """Today's ``docker compose``, or ``docker-compose`` where that is what there is, with the files of a profile."""
    return [*_compose(), *(part for name in profile.files for part in ("--file", name))]


def _compose() -> list[str]:
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    sys.exit("cluster: neither `docker compose` nor `docker-compose` is here; install one of them")


def check() -> None:
    """Refuse in one sentence where there is no engine to talk to."""
    if not shutil.which("docker"):
        sys.exit("cluster: docker is not here; install Docker, or use `make hadoop`, which needs none")
    answer = subprocess.run(["docker", "info", "--format", "{{.ServerVersion}}"], capture_output=True, text=True)
    if answer.returncode or not answer.stdout.strip():
        sys.exit("cluster: no Docker engine answers; start one, or use `make hadoop`, which needs none")


def build(profile: Profile, images: Sequence[str]) -> None:
    """Make images of a profile, such as ``yarnml-node`` and ``yarnml-edge``, by their stages in the Dockerfile."""
    subprocess.run([HERE / "hadoop-home", *profile.options], check=True)
    subprocess.run([HERE / "base-image"], check=True)
    certificates = ROOT / ".hadoop/ca-certificates.crt"
    certificates.write_bytes(CERTIFICATES.read_bytes() if CERTIFICATES.exists() else b"")
    arguments = [part for name in PASSED_ON if name in os.environ for part in ("--build-arg", name)]
    for target in images:
        line = ["docker", "build", "--quiet", "--force-rm", "--network", "host", "--file", HERE / "Dockerfile"]
        subprocess.run([*line, "--target", target, "--tag", f"yarnml-{target}", *arguments, ROOT], check=True)


def missing(profile: Profile) -> Iterator[str]:
    """Name in words the parts of the cluster that are not up yet."""
    try:
        info = profile.get(f"{profile.hdfs}/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo")["beans"][0]
        datanodes = {host_of(name) for name in json.loads(info["LiveNodes"])}
        yield from (f"the DataNode of {host}" for host in sorted(WORKERS - datanodes))
        users = profile.get(f"{profile.hdfs}/webhdfs/v1/user?op=LISTSTATUS")["FileStatuses"]["FileStatus"]
        owned = {f"/user/{u['pathSuffix']}" for u in users if u["owner"] == u["pathSuffix"]}
        yield from (f"the folder {folder} on HDFS" for folder in sorted(FOLDERS - owned))
    except (OSError, LookupError):
        yield "the NameNode"
    try:
        nodes = (profile.get(f"{profile.yarn}/ws/v1/cluster/nodes")["nodes"] or {}).get("node", [])
        running = {host_of(n["nodeHostName"]): n for n in nodes if n["state"] == "RUNNING"}
        yield from (f"the NodeManager of {host}" for host in sorted(WORKERS - running.keys()))
        if GPU_WORKER in running and "gpu" not in running[GPU_WORKER].get("nodeLabels", []):
            yield f"the label gpu of {GPU_WORKER}"
    except (OSError, LookupError):
        yield "the ResourceManager"
    if subprocess.run([*compose(profile), "exec", "-T", "edge", "true"], cwd=HERE, capture_output=True).returncode:
        yield "the edge node"


def host_of(name: str) -> str:
    """The host of ``worker1:9866`` or ``worker1.yarnml.test``."""
    return name.split(":")[0].split(".")[0]


def wait(profile: Profile) -> None:
    """Wait until nothing is missing."""
    end = time.monotonic() + DEADLINE
    while lack := list(missing(profile)):
        if time.monotonic() > end:
            logs = f"cd {HERE} && {' '.join(compose(profile))} logs"
            sys.exit(f"cluster: after {DEADLINE:.0f} s there is still no sign of {', '.join(lack)}; see `{logs}`")
        time.sleep(0.5)


def up(profile: Profile) -> None:
    check()
    build(profile, profile.images)
    subprocess.run([*compose(profile), "up", "--detach"], cwd=HERE, check=True)
    wait(profile)
    print(f"HDFS  {profile.hdfs}\nYARN  {profile.yarn}\n\ncd docker && {' '.join(_compose())} exec edge bash")


def images() -> None:
    """Make the images up to what changes with yarnml itself."""
    check()
    build(OPEN, ("node", "packages"))


def down() -> None:
    """Remove the containers of both profiles."""
    check()
    line = [*compose(SECURE), "--profile", "monitoring", "down", "--volumes", "--timeout", "1"]
    subprocess.run(line, cwd=HERE, check=True)


if __name__ == "__main__":
    commands = {"up": lambda: up(OPEN), "up-secure": lambda: up(SECURE), "down": down, "images": images, "check": check}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    try:
        commands[sys.argv[1]]()
    except subprocess.CalledProcessError as e:
        sys.exit(f"cluster: this failed: {' '.join(map(str, e.cmd))}")
