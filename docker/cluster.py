"""Start or remove the Hadoop cluster of docker-compose.yml: ``python docker/cluster.py up | down | check``.

``up`` makes the images, starts the containers, and waits until HDFS and YARN have all their workers; ``check`` says
whether that is possible here.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
HDFS = "http://127.0.0.1:9870"
YARN = "http://127.0.0.1:8088"
WORKERS = {"worker1", "worker2", "worker3"}
GPU_WORKER = "worker3"
FOLDERS = {"/user/alice", "/user/bob"}
DEADLINE = 180.0
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "http_proxy", "https_proxy", "no_proxy")


def compose() -> list[str]:
    """Today's ``docker compose``, or ``docker-compose`` where that is what there is."""
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


def build() -> None:
    """Make the images ``yarnml-node`` and ``yarnml-edge``."""
    subprocess.run([HERE / "hadoop-home"], check=True)
    subprocess.run([HERE / "base-image"], check=True)
    certificates = ROOT / ".hadoop/ca-certificates.crt"
    certificates.write_bytes(CERTIFICATES.read_bytes() if CERTIFICATES.exists() else b"")
    arguments = [part for name in PASSED_ON if name in os.environ for part in ("--build-arg", name)]
    for target in ("node", "edge"):
        line = ["docker", "build", "--quiet", "--force-rm", "--network", "host", "--file", HERE / "Dockerfile"]
        subprocess.run([*line, "--target", target, "--tag", f"yarnml-{target}", *arguments, ROOT], check=True)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def missing() -> Iterator[str]:
    """Name in words the parts of the cluster that are not up yet."""
    try:
        info = get(f"{HDFS}/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo")["beans"][0]
        datanodes = {name.split(":")[0] for name in json.loads(info["LiveNodes"])}
        yield from (f"the DataNode of {host}" for host in sorted(WORKERS - datanodes))
        users = get(f"{HDFS}/webhdfs/v1/user?op=LISTSTATUS")["FileStatuses"]["FileStatus"]
        owned = {f"/user/{u['pathSuffix']}" for u in users if u["owner"] == u["pathSuffix"]}
        yield from (f"the folder {folder} on HDFS" for folder in sorted(FOLDERS - owned))
    except (OSError, LookupError):
        yield "the NameNode"
    try:
        nodes = (get(f"{YARN}/ws/v1/cluster/nodes")["nodes"] or {}).get("node", [])
        running = {n["nodeHostName"]: n for n in nodes if n["state"] == "RUNNING"}
        yield from (f"the NodeManager of {host}" for host in sorted(WORKERS - running.keys()))
        if GPU_WORKER in running and "gpu" not in running[GPU_WORKER].get("nodeLabels", []):
            yield f"the label gpu of {GPU_WORKER}"
    except (OSError, LookupError):
        yield "the ResourceManager"
    if subprocess.run([*compose(), "exec", "-T", "edge", "true"], cwd=HERE, capture_output=True).returncode:
        yield "the edge node"


def wait() -> None:
    """Wait until nothing is missing."""
    end = time.monotonic() + DEADLINE
    while lack := list(missing()):
        if time.monotonic() > end:
            logs = f"cd {HERE} && {' '.join(compose())} logs"
            sys.exit(f"cluster: after {DEADLINE:.0f} s there is still no sign of {', '.join(lack)}; see `{logs}`")
        time.sleep(0.5)


def up() -> None:
    check()
    build()
    subprocess.run([*compose(), "up", "--detach"], cwd=HERE, check=True)
    wait()
    print(f"HDFS  {HDFS}\nYARN  {YARN}\n\ncd docker && {' '.join(compose())} exec edge bash")


def down() -> None:
    check()
    subprocess.run([*compose(), "--profile", "monitoring", "down", "--volumes", "--timeout", "1"], cwd=HERE, check=True)


if __name__ == "__main__":
    commands = {"up": up, "down": down, "check": check}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    try:
        commands[sys.argv[1]]()
    except subprocess.CalledProcessError as e:
        sys.exit(f"cluster: this failed: {' '.join(map(str, e.cmd))}")
