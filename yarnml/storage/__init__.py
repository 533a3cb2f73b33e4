"""Files by URL: local disks, HDFS, and what else fsspec reaches."""

from yarnml.storage.base import Block, Unavailable
from yarnml.storage.block_locations import block_hosts, locations
from yarnml.storage.files import (
    absolute,
    arrow,
    canonical,
    digest,
    exists,
    find,
    is_link,
    join,
    listing,
    locate,
    locked,
    make_private,
    modified,
    names,
    read,
    remove,
    remove_empty,
    remove_file,
    rename,
    size,
    write,
)
from yarnml.storage.listing import Listing
from yarnml.storage.retry import patience, patient_seconds
from yarnml.storage.shared import is_shared
from yarnml.storage.tails import ReadTail, Tail, tail, tail_of

__all__ = [
    "Block",
    "Listing",
    "ReadTail",
    "Tail",
    "Unavailable",
    "absolute",
    "arrow",
    "block_hosts",
    "canonical",
    "digest",
    "exists",
    "find",
    "is_link",
    "is_shared",
    "join",
    "listing",
    "locate",
    "locations",
    "locked",
    "make_private",
    "modified",
    "names",
    "patience",
    "patient_seconds",
    "read",
    "remove",
    "remove_empty",
    "remove_file",
    "rename",
    "size",
    "tail",
    "tail_of",
    "write",
]
