"""The hosts that hold the blocks of a file.

Only the NameNode's HTTP port tells.  Locality saves network traffic and decides nothing else, so a failure to learn
it is a warning, once for each HDFS.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from yarnml.events.log import log
from yarnml.storage.base import Block
from yarnml.storage.connect import web_client
from yarnml.storage.hadoop_config import configuration
from yarnml.storage.hdfs import SCHEMES, Hdfs
from yarnml.storage.retry import CONNECT_SECONDS
from yarnml.storage.webhdfs import WebHdfs

CONCURRENT_LOOKUPS = 16

_silent: set[str] = set()  # root URLs of storages that did not tell


def block_hosts(url: str) -> list[Block]:
    """The blocks of a file in order; none for a storage without locations, or one that does not tell."""
    scheme, mark, rest = url.partition("://")
    authority = rest.partition("/")[0]
    root = f"{scheme}://{authority}"
    if not mark or scheme not in SCHEMES or root in _silent:
        return []
    try:
        client = _client(scheme, authority, os.environ.get("HADOOP_CONF_DIR"))
        return client.blocks(Hdfs._strip_protocol(url))
    except Exception as exc:  # whatever it was, the job can do without
        if root not in _silent:
            _silent.add(root)
            log(f"storage: {root} does not tell where its blocks are, so locality is off: {exc}")
        return []


@lru_cache(maxsize=64)
def _client(scheme: str, authority: str, conf_dir: str | None) -> WebHdfs:
    """The client for an HDFS; ``conf_dir`` is part of the cache's key, since it decides what the authority means."""
    return web_client(scheme, authority, configuration(), CONNECT_SECONDS)


def locations(urls: Iterable[str]) -> dict[str, list[Block]]:
    """The blocks of many files by URL, several asked for at a time."""
    distinct = list(dict.fromkeys(urls))
    with ThreadPoolExecutor(CONCURRENT_LOOKUPS) as pool:
        return dict(zip(distinct, pool.map(block_hosts, distinct), strict=True))
