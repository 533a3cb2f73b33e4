"""Quick starts: orders of events, never times."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.environments import write
from tests.hadoop.lines import java_home
from tests.processes import wait_for
from yarnml.clusters.yarn import credentials
from yarnml.clusters.yarn.application import specification
from yarnml.clusters.yarn.packaging.provision import Provision, plan
from yarnml.job.load import load_job
from yarnml.job.spec import Job

JOB = {"name": "j", "data": {"train": "/x", "features": ["x"], "label": "y"}, "learner": {"kind": "mlp"}}


# A Java that waits for a file, ``go-0`` at its first start, and then fails.
JAVA = """\
#!/bin/sh
n=$(ls began-* 2>/dev/null | wc -l)
touch began-$n
until test -e go-$n; do sleep 0.05; done
touch ended-$n
echo no heap >&2
exit 1
"""

COMMAND = """\
import pathlib, time
from yarnml.clusters.yarn.edge.driver import Driver
from yarnml.errors import ClusterError
driver = Driver()
pathlib.Path("go-0").touch()
try:
    driver.client
except ClusterError as exc:
    print(exc, exc.detail)
driver.close()
late = Driver(0.1)
while not pathlib.Path("began-1").exists():
    time.sleep(0.05)
try:
    late.client
except ClusterError as exc:
    print(exc)
late.close()
"""


def test_a_command_waits_for_its_driver_only_to_ask_it(tmp_path: Path) -> None:
    """It goes on while the driver comes up, ends without it, and hears only where it asks why it did not start."""
    for name, text in {"java": JAVA, "yarn": "#!/bin/sh\n"}.items():
        write(tmp_path / "bin" / name, text)
        (tmp_path / "bin" / name).chmod(0o755)
    variables = os.environ | {"JAVA_HOME": str(tmp_path), "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    line = [sys.executable, "-c", COMMAND]
    done = subprocess.run(line, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=240)
    assert not (tmp_path / "ended-1").exists()
    (tmp_path / "go-1").touch()
    assert done.stderr == ""
    assert done.stdout.startswith("Skein's driver, a Java program, did not start: Failed to start java process; ")
    assert " no heap\n\nSkein's driver, a Java program, has not come up within 0.1 s; look at " in done.stdout
    wait_for("the end of the driver", (tmp_path / "ended-1").exists)


def test_a_plan_stores_nothing(tmp_path: Path) -> None:
    """The needs of a job are found without a word to the cluster's storage, which takes the packages later."""
    (tmp_path / "a.pex").write_text("x")
    home = tmp_path / "home"
    provision, packages = plan(load_job(JOB | {"environment": {"pex": str(tmp_path / "a.pex")}}), str(home))
    assert not home.exists()
    packages.store(lambda text: None)
    assert Path(provision.resources["environment.pex"].url).read_text() == "x"


def test_skeins_master_starts_quickly() -> None:
    """Its Java takes the options, with an administrator's that a NodeManager appends behind a colon, too."""
    job = load_job(JOB)
    assert isinstance(job, Job)
    provision = Provision(prelude="", python="python3", resources={}, variables={})
    options = specification(job, "job.json", "hdfs:///home", provision)["master"]["env"]["JDK_JAVA_OPTIONS"]
    line = [f"{java_home()}/bin/java", "-XX:+PrintFlagsFinal", "-version"]
    variables = os.environ | {"JDK_JAVA_OPTIONS": f"{options}:-Dtheirs"}
    flags = subprocess.run(line, env=variables, capture_output=True, text=True, check=True).stdout
    chosen = {words[1]: words[3] for words in map(str.split, flags.splitlines()) if len(words) > 3}
    assert (chosen["UseSerialGC"], chosen["TieredStopAtLevel"]) == ("true", "1")


def test_a_worker_has_its_libraries_before_it_has_a_master(tmp_path: Path) -> None:
    """A container imports what computes, and only then asks Skein for the master, who may still plan."""
    security = credentials.new_security()
    assert security.cert_bytes
    assert security.key_bytes
    folder = tmp_path / "container_1"
    folder.mkdir()
    (folder / ".skein.crt").write_bytes(security.cert_bytes)
    (folder / ".skein.pem").write_bytes(security.key_bytes)
    with socket.create_server(("127.0.0.1", 0)) as skein:
        skein.settimeout(240)
        own = {"SKEIN_CONTAINER_ID": "worker_0", "SKEIN_APPLICATION_ID": "application_1_1", "CONTAINER_ID": folder.name}
        own |= {"SKEIN_APPMASTER_ADDRESS": f"127.0.0.1:{skein.getsockname()[1]}", "LOCAL_DIRS": str(tmp_path)}
        own |= {"NM_HOST": "127.0.0.1", "NPROC": "1", "YARNML_GPUS": "0", "YARNML_PROGRAMS": f"{tmp_path}/programs"}
        line = [sys.executable, "-m", "yarnml.clusters.yarn.containers.container"]
        with subprocess.Popen(line, env=os.environ | own, cwd=folder, stdout=subprocess.DEVNULL) as container:
            skein.accept()[0].close()
            libraries = Path(f"/proc/{container.pid}/maps").read_text()
            container.kill()
    assert "/jaxlib/" in libraries
