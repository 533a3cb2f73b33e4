"""New delegation tokens of the HDFS that a job uses, for who has a ticket."""

from collections.abc import Iterable

from yarnml.storage.connect import name_nodes, token_services, web_client
from yarnml.storage.errors import faults
from yarnml.storage.hadoop_config import Configuration, configuration
from yarnml.storage.hdfs import roots_of
from yarnml.storage.security.tokens import HDFS, Token, origin

_DAY_MS = 24 * 3600 * 1000
_RENEW_INTERVAL = "dfs.namenode.delegation.token.renew-interval"
_MAX_LIFETIME = "dfs.namenode.delegation.token.max-lifetime"


def new_tokens(urls: Iterable[str]) -> list[Token]:
    """A token of each HDFS among these URLs, for every name that it is known by; OSError where one gives none."""
    settings = configuration()
    return [token for root in roots_of(urls) for token in _tokens_of(root, settings)]


def end_of_new_tokens(urls: Iterable[str]) -> float:
    """When a token that was taken now would end at the latest, the first of those of each HDFS among these URLs.

    In seconds since 1970.  OSError where one gives none.
    """
    settings = configuration()
    return min(_end_of_new_token(root, settings) for root in roots_of(urls))


def lifetime(settings: Configuration) -> float:
    """Seconds for which a token is good where nobody renews it, as far as this machine's configuration tells."""
    renewed = float(settings.get(_RENEW_INTERVAL) or _DAY_MS)
    longest = float(settings.get(_MAX_LIFETIME) or 7 * _DAY_MS)
    return min(renewed, longest) / 1000


def _end_of_new_token(root: str, settings: Configuration) -> float:
    scheme, _, authority = root.partition("://")
    with faults(root):
        client = web_client(scheme, authority, settings)
        token = client.delegation_token()
        client.cancel(token)
    return origin(token).end


def _tokens_of(root: str, settings: Configuration) -> list[Token]:
    scheme, _, authority = root.partition("://")
    with faults(root):
        token = web_client(scheme, authority, settings).delegation_token()
    services = token_services(authority, name_nodes(scheme, authority, settings), settings)
    return [token._replace(alias=name.encode(), kind=HDFS, service=name.encode()) for name in services]
