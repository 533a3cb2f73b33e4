"""``python -m tests.hadoop``: a cluster for a developer, until Ctrl-C."""

import signal
import sys
from types import FrameType

from tests.hadoop import Hadoop, hadoop


def describe(cluster: Hadoop) -> str:
    """Addresses, and what to type in another terminal."""
    variables = cluster.environment
    return f"""\
HDFS              {cluster.hdfs}   {cluster.hdfs_web}
YARN              {cluster.web}
files and logs    {cluster.folder}

export HADOOP_CONF_DIR={variables["HADOOP_CONF_DIR"]}
export HADOOP_HOME={variables["HADOOP_HOME"]}
export JAVA_HOME={variables["JAVA_HOME"]}
export PATH=$HADOOP_HOME/bin:$PATH
"""


def stop(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    with hadoop() as cluster:
        print(describe(cluster), flush=True)
        print("Ctrl-C ends it.", file=sys.stderr)
        signal.pause()
