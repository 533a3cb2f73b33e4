"""Storages that another process of this user reaches as this one does."""

from yarnml.storage import local
from yarnml.storage.files import locate
from yarnml.storage.hdfs import Hdfs


def is_shared(url: str) -> bool:
    """Tell whether another process finds the same at a URL: others of fsspec's may lie in this one's memory."""
    fs, _ = locate(url)
    return local.is_disk(fs) or isinstance(fs, Hdfs)
