"""The checks of `yarnml doctor` that look at this machine alone."""

import os
import re
import shutil
import subprocess

from yarnml.errors import ClusterError

OLDEST_JAVA = 8
"""The oldest Java that Skein's driver runs on."""

COMMAND_SECONDS = 30.0
"""Time limit for a command of this machine."""

TOKENS_JAR = "hadoop-mapreduce-client-core"
"""The jar with the class by which Skein collects delegation tokens."""

_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


def check_java() -> str:
    """Check the Java that Skein's driver will run on."""
    folder = os.environ.get("JAVA_HOME")
    program = f"{folder}/bin/java" if folder else "java"
    output = _output([program, "-version"], "install a JRE, or set JAVA_HOME to one")
    version = _VERSION.search(output)
    if not version or int(version[1]) < OLDEST_JAVA:
        raise ClusterError(
            f"{program} must be Java {OLDEST_JAVA} or newer, but says: {output}; set JAVA_HOME to a newer one."
        )
    return f"{shutil.which(program)}, version {version[1]}"


def check_yarn_command(*, kerberos: bool) -> str:
    """Check the command that Skein asks for Hadoop's jars.

    ``kerberos``: whether the cluster wants tickets, so that the jars must have what collects delegation tokens.
    """
    advice = "put the bin folder of a Hadoop on PATH"
    paths = _output(["yarn", "classpath", "--glob"], advice).split(os.pathsep)
    jars = [os.path.basename(path) for path in paths if path.endswith(".jar")]
    if not jars:
        raise ClusterError(f"`yarn classpath --glob` names no jars; {advice}.")
    if kerberos and not any(name.startswith(TOKENS_JAR) for name in jars):
        raise ClusterError(
            f"`yarn classpath --glob` names no {TOKENS_JAR}, by which Skein collects delegation tokens; add its jar."
        )
    return f"{shutil.which('yarn')}, {len(jars)} jars"


def _output(command: list[str], advice: str) -> str:
    """The output of a command of this machine; ClusterError with an advice where it fails."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=COMMAND_SECONDS
        )
    except FileNotFoundError as exc:
        raise ClusterError(f"The command {command[0]} is not found; {advice}.") from exc
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ClusterError(f"{' '.join(command)} failed: {exc}; {advice}.") from exc
    text = done.stdout.strip()
    if done.returncode:
        raise ClusterError(f"{' '.join(command)} failed: {text.splitlines()[-1] if text else 'silently'}; {advice}.")
    return text
