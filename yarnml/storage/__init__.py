"""Files by URL: local disks, HDFS, and what else fsspec reaches."""

from yarnml.storage.base import Block, Unavailable
from yarnml.storage.block_locations import block_hosts, locations
from yarnml.storage.files import (
    absolute,
    arrow,
    digest,
    exists,
    find,
    join,
    listing,
    locate,
    names,
    read,
    remove,
    rename,
    size,
    write,
)
from yarnml.storage.listing import Listing
from yarnml.storage.retry import patience

__all__ = [
    "Block",
    "Listing",
    "Unavailable",
    "absolute",
    "arrow",
    "block_hosts",
    "digest",
    "exists",
    "find",
    "join",
    "listing",
    "locate",
    "locations",
    "names",
    "patience",
    "read",
    "remove",
    "rename",
    "size",
    "write",
]
