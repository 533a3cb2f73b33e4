"""The page of a running job: the master serves it to Skein's application master, through which YARN's proxy reaches it.

Both are on one host, so the server listens on the loopback address, and Skein's alone knows the secret in its address.
The proxy asks whoever comes who they are; on a secured cluster it lets in whom the application's access list names.
"""

from yarnml.clusters.yarn.skein_import import skein
from yarnml.errors import HistoryError
from yarnml.events.events import Listener
from yarnml.events.log import log
from yarnml.events.submission import PageServed
from yarnml.watch.live import LivePage, is_available
from yarnml.watch.server import PageServer

ROUTE = "job"
"""The name of the page below those of Skein."""


def serve_page(application: skein.ApplicationClient, folder: str, say: Listener) -> None:
    """Serve the page of the job in ``folder`` from now on, and tell its address; without it the job goes on."""
    if not is_available():
        log("This job has no page: its environment lacks pygal and Jinja2, which yarnml[watch] brings.")
        return
    try:
        server = PageServer(LivePage(folder).render)
        page = application.ui.add_page(ROUTE, server.address, link_name="The job")
    except (HistoryError, skein.exceptions.SkeinError) as exc:
        log(f"This job has no page: {exc}")
        return
    server.start()
    say(PageServed(page.address))
