"""Errors of HDFS as OSErrors with one sentence, whichever client raised them and however."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from yarnml.storage.base import ReplicaUnavailable, Unavailable
from yarnml.storage.security.tokens import in_container

TOKEN_ENDED = "the job's delegation token is missing or has ended"
"""The words for a refusal in a container, which has no ticket."""

STANDBY = "StandbyException"
"""The class in the answer of a NameNode that is not active."""

_JAVA_CLASS = re.compile(r"\b(?:[a-z]\w*\.)+([A-Z]\w*Exception)\b")
_STACK_FRAMES = re.compile(r"(?:\\n|\n)\s*(?:\\t|\t)?at .*", re.DOTALL)
_RUST_DEBUG = re.compile(r'^(\w+)\((?:"[\w.$]*Exception", )?"(.*?)"?\)?$', re.DOTALL)

# Java exceptions, by their class, after which the same call may succeed.
_PASSING = {
    "SafeModeException",
    STANDBY,
    "RetriableException",
    "ObserverRetryOnActiveException",
    "BlockMissingException",
    "ConnectException",
    "ConnectTimeoutException",
    "NoRouteToHostException",
    "SocketException",
    "SocketTimeoutException",
    "ClosedChannelException",
    "EOFException",
    "LeaseExpiredException",
    "AlreadyBeingCreatedException",
    "NotReplicatedYetException",
    "RecoveryInProgressException",
}
# What HDFS and hdfs-native say in other cases of that kind, without a class of their own.
_PASSING_WORDS = re.compile(
    r"could only be (?:written|replicated) to \d+|Could not obtain block|Failed to find datanode"
    r"|No active nodes contain"
    r"|^(?:DataTransferError|BlocksNotFound|ChecksumError|OperationFailed|IOError|FatalRPCError)\b",
    re.IGNORECASE,
)
_DATA_NODES = re.compile(r"\[DatanodeInfoProto \{.*\}\]", re.DOTALL)  # all that hdfs-native knows of them
_DATA_NODE = re.compile(r'host_name: \\?"([^"\\]*)\\?".*?xfer_port: (\d+)', re.DOTALL)
_QUOTED = re.compile(r'"([^"]{9,})"')  # the words among the codes of a GSSAPI error
_SECURITY_WORDS = re.compile(r"^(?:SASLError|GSSAPIError|NoSASLMechanism)|HTTP (?:Error )?401")


def fault(exc: BaseException, url: str, server: str, *, data: bool = False) -> OSError:
    """The OSError for what a client raised; `Unavailable` where the same call may succeed later.

    ``url``: the file or folder of the call.
    ``server``: the name of the server that was asked, for the sentence.
    ``data``: whether data was moved, so that a DataNode may be at fault.
    """
    if isinstance(exc, Unavailable):
        return exc
    unavailable = ReplicaUnavailable if data else Unavailable
    text = str(exc) or type(exc).__name__
    java = (_JAVA_CLASS.findall(text) or [""])[0]
    words = first_words(text)
    if isinstance(exc, NotADirectoryError) or "is not a directory" in words or java == "ParentNotDirectoryException":
        return NotADirectoryError(errno.ENOTDIR, "Not a directory", url)
    if isinstance(exc, IsADirectoryError) or "Path is not a file" in words:
        return IsADirectoryError(errno.EISDIR, "Is a directory", url)
    if isinstance(exc, FileNotFoundError) or java == "FileNotFoundException":
        return FileNotFoundError(errno.ENOENT, "No such file or directory", url)
    if java == STANDBY:
        return unavailable(f"{server} answers as a standby, and none that the URL names is active")
    if java in _PASSING or _PASSING_WORDS.search(text):
        return unavailable(f"{server}: {words}")
    if isinstance(exc, FileExistsError) or java == "FileAlreadyExistsException":
        return FileExistsError(f"{url} exists")
    if isinstance(exc, PermissionError) or java in ("AccessControlException", "AuthorizationException"):
        return PermissionError(words)
    if "QuotaExceeded" in java or "QuotaByStorageTypeExceeded" in java:
        return OSError(errno.EDQUOT, words)
    if _SECURITY_WORDS.search(text):
        advice = TOKEN_ENDED if in_container() else "run kinit"
        sentences = _QUOTED.findall(words)
        return PermissionError(f"{server} wants Kerberos: {sentences[-1] if sentences else words}; {advice}")
    if isinstance(exc, OSError):
        return unavailable(f"{server} can't be reached: {words}")
    return OSError(f"{server}: {words}")


@contextmanager
def faults(url: str) -> Iterator[None]:
    """Raise the OSError of `fault` for whatever a client raises in a block about this URL."""
    try:
        yield
    except Exception as exc:
        raise fault(exc, url, "/".join(url.split("/")[:3])) from exc


def first_words(text: str) -> str:
    """A message without the Java stack frames and the Rust wrapping that come with it, on one line."""
    text = _DATA_NODES.sub(_names, _STACK_FRAMES.sub("", text))
    wrapped = _RUST_DEBUG.match(text)
    text = wrapped[2] if wrapped else text
    return " ".join(text.replace("\\n", " ").replace('\\"', '"').split()).rstrip(".")


def _names(nodes: re.Match[str]) -> str:
    """The DataNodes of a message, each by its host and port."""
    return ", ".join(":".join(name) for name in _DATA_NODE.findall(nodes[0]))
