"""Fetch the jars of a list into a folder: ``python docker/jars.py LIST FOLDER``, with jgo installed.

A line of the list is a digest and a path in a Maven repository.  Whoever calls compares the digests.  The repository
is Maven's own default, or that of the variable MAVEN_REPOSITORY.
"""

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from jgo.maven import MavenContext

CONNECTIONS = 8
TIMEOUT_SECONDS = 120


def fetch(context: MavenContext, path: PurePosixPath, folder: Path) -> None:
    """Copy one jar into the folder, out of the local repository or else from the remote one."""
    *group, artifact, version, name = path.parts
    classifier = name.removeprefix(f"{artifact}-{version}").removesuffix(".jar").removeprefix("-")
    component = context.project(".".join(group), artifact).at_version(version)
    shutil.copyfile(component.artifact(classifier).resolve(), folder / name)


def main(listed: Path, folder: Path) -> None:
    """Fetch all jars, several at a time."""
    url = os.environ.get("MAVEN_REPOSITORY")
    context = MavenContext(remote_repos={"repository": url} if url else None, timeout=TIMEOUT_SECONDS)
    paths = [PurePosixPath(line.split()[1]) for line in listed.read_text().splitlines()]
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for fetched in [pool.submit(fetch, context, path, folder) for path in paths]:
            fetched.result()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
