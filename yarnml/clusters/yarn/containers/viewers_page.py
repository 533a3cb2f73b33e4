"""The page by which those whom ``acls.view`` names see a running job.

They have no certificate of the application.  YARN's proxy and Skein's application master know who they are, and pass
them on to this page.  It listens on the loopback address of the master's node, under a path that nobody can guess.
"""

import hmac
import secrets
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import msgspec

from yarnml.clusters.yarn.application import EVENTS_PAGE
from yarnml.clusters.yarn.containers.event_log import EventLog
from yarnml.clusters.yarn.observe.pages import Page
from yarnml.clusters.yarn.observe.processes import from_containers
from yarnml.clusters.yarn.skein_import import skein
from yarnml.control.calls import FollowEvents
from yarnml.watch.server import CLIENT_SECONDS, BoundedServer

MAX_VIEWERS = 64
"""Viewers that are answered at the same time; each waits for news."""


def open_page(application: skein.ApplicationClient, event_log: EventLog) -> Callable[[], None]:
    """Serve the page for as long as the job lives; returns what closes it."""
    path = f"/{secrets.token_urlsafe(32)}"
    story = secrets.token_hex(8)

    class Handler(BaseHTTPRequestHandler):
        timeout = CLIENT_SECONDS

        def do_GET(self) -> None:
            place = urlsplit(self.path)
            if not hmac.compare_digest(place.path.rstrip("/").encode(), path.encode()):
                self.send_error(404)
                return
            query = {name: values[0] for name, values in parse_qs(place.query).items()}
            body = msgspec.json.encode(_page(application, event_log, story, query))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Log nothing: the path is a secret."""

    server = BoundedServer(("127.0.0.1", 0), Handler, MAX_VIEWERS)
    server.start()
    application.ui.add_page(EVENTS_PAGE, f"http://127.0.0.1:{server.server_port}{path}")
    return server.shutdown


def _page(application: skein.ApplicationClient, event_log: EventLog, story: str, query: dict[str, str]) -> Page:
    """The job now; events after those that the viewer has seen of this very master."""
    same = query.get("story") == story
    seen, step = (int(query.get(name, "")) for name in ("seen", "step")) if same else (0, -1)
    states = list(skein.model.ContainerState)
    return Page(
        story, event_log.follow(FollowEvents(seen, step)), from_containers(application.get_containers(states=states))
    )
