"""``python -m tests.hadoop [--secure] [--ha]``: a cluster for a developer, until Ctrl-C."""

import signal
import sys
from types import FrameType

from tests.hadoop import Hadoop, SecureHadoop, TwoMasters, hadoop, secure_hadoop
from tests.hadoop.masters import MakeMasters, SingleMasters


def describe(cluster: Hadoop) -> str:
    """Addresses, and what to type in another terminal."""
    variables = {**cluster.environment, "PATH": "$HADOOP_HOME/bin:$PATH"}
    exports = "\n".join(f'export {name}="{value}"' for name, value in variables.items())
    return f"""\
HDFS              {cluster.hdfs}   {cluster.hdfs_web}
YARN              {cluster.web}
files and logs    {cluster.folder}

{exports}
"""


def stop(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    masters: MakeMasters = TwoMasters if "--ha" in sys.argv else SingleMasters
    with secure_hadoop(masters=masters) if "--secure" in sys.argv else hadoop(masters=masters) as running:
        cluster = running.hadoop if isinstance(running, SecureHadoop) else running
        print(describe(cluster), flush=True)
        print("Ctrl-C ends it.", file=sys.stderr)
        signal.pause()
