"""Browsers that have a job's page open: a process beside the job that asks for it again and again.

`python -m benchmarks.onlookers ADDRESS COUNT` asks until it is killed.
"""

import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from yarnml.watch.live import LivePage
from yarnml.watch.page import REFRESH_SECONDS
from yarnml.watch.server import PageServer


@contextmanager
def onlookers(folder: str, count: int) -> Iterator[None]:
    """Serve the page of a job in this process, which leads it, as on YARN; ``count`` browsers have it open."""
    with PageServer(LivePage(folder).render) as server:
        server.start()
        line = [sys.executable, "-m", "benchmarks.onlookers", server.address, str(count)]
        popen = subprocess.Popen(line)
        try:
            yield
        finally:
            popen.kill()
            popen.wait()
            server.shutdown()


def look(address: str, start: float) -> None:
    """Ask for a page as a browser does that shows it; one that is hung up on asks the next time."""
    time.sleep(start)
    while True:
        try:
            with urllib.request.urlopen(address, timeout=REFRESH_SECONDS) as answer:
                answer.read()
        except OSError:
            pass
        time.sleep(REFRESH_SECONDS)


if __name__ == "__main__":
    number = int(sys.argv[2])
    for place in range(number):
        threading.Thread(target=look, args=(sys.argv[1], REFRESH_SECONDS * place / number), daemon=True).start()
    threading.Event().wait()
