"""The encryption zones of an HDFS, and the way that gets their files to a container.

hdfs-native asks the key server with a ticket and takes no delegation token of one, which is all that a container has.
By WebHDFS the DataNodes ask for the keys, and send what they have decrypted.
"""

import posixpath

from yarnml.storage.connect import default_authority, name_nodes, web_client
from yarnml.storage.errors import faults
from yarnml.storage.hadoop_config import configuration
from yarnml.storage.hdfs import SCHEMES


def in_zone(url: str) -> bool:
    """Tell whether a file or folder is in a zone, or would be if it were made; OSError where no NameNode tells.

    False for what is not on an HDFS.
    """
    scheme, authority, path = _parts(url)
    if scheme not in SCHEMES:
        return False
    client = web_client(scheme, authority, configuration())
    while True:
        try:
            with faults(url):
                return client.is_encrypted(path)
        except (FileNotFoundError, NotADirectoryError):
            path = posixpath.dirname(path)


def by_web(url: str) -> str:
    """The URL by which WebHDFS reaches what a URL of an HDFS names."""
    scheme, authority, path = _parts(url)
    settings = configuration()
    nodes = name_nodes(scheme, authority, settings)
    kind, _, web = nodes[0].web.partition("://")
    host = (authority or default_authority(settings)) if len(nodes) > 1 else web
    return f"{'swebhdfs' if kind == 'https' else 'webhdfs'}://{host}{path}"


def _parts(url: str) -> tuple[str, str, str]:
    """The scheme, the host part and the path of a URL."""
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    return scheme, authority, posixpath.normpath(f"/{path}")
