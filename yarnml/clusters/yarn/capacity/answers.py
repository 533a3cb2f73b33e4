"""The answers of YARN's REST services as types, with the fields that are read here; YARN adds others.

Hadoop writes a list of one element as the element itself, and an empty list as null: such a field is a `Many`.
"""

from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct, field

GPU = "yarn.io/gpu"

_T = TypeVar("_T")


class Many(list[_T]):
    """A list that Hadoop may write as one bare element, or as null."""


def decode(data: bytes, answer_type: type[_T]) -> _T:
    """Read an answer from JSON.

    Some versions of Hadoop write numbers and truth values as texts; both forms are read.  Raises
    msgspec.ValidationError where a field is missing or has another type, msgspec.DecodeError where this is no JSON.
    """
    if data.strip() == b"null":  # an answer of which every part is empty
        data = b"{}"
    return msgspec.json.decode(data, type=answer_type, strict=False, dec_hook=_decode_many)


def _decode_many(target: Any, value: Any) -> Any:
    if get_origin(target) is not Many:
        raise NotImplementedError(f"{target} is not a type of these answers")
    (element,) = get_args(target)
    elements = value if isinstance(value, list) else [value] if value else []
    return Many(msgspec.convert(part, element, strict=False, dec_hook=_decode_many) for part in elements)


class _Answer(Struct, frozen=True, rename="camel"):
    """A part of an answer: ``node_labels`` is the field ``nodeLabels``."""


class ResourceInformation(_Answer, frozen=True):
    """The amount of one kind of resource."""

    name: str
    value: int = 0


class ResourceInformations(_Answer, frozen=True):
    resource_information: Many[ResourceInformation] = field(default_factory=Many)


class Resource(_Answer, frozen=True):
    """An amount of every kind of resource; ``memory`` in MiB."""

    memory: int
    v_cores: int
    resource_informations: ResourceInformations | None = None

    @property
    def by_name(self) -> dict[str, int]:
        """The amounts by their kinds; empty in versions of YARN that know memory and vcores only."""
        listed = self.resource_informations.resource_information if self.resource_informations else []
        return {information.name: information.value for information in listed}


class Node(_Answer, frozen=True):
    """A NodeManager."""

    node_host_name: str
    state: str
    node_labels: Many[str] = field(default_factory=Many)
    total_resource: Resource | None = None
    used_resource: Resource | None = None


class Nodes(_Answer, frozen=True):
    node: Many[Node] = field(default_factory=Many)


class NodesAnswer(_Answer, frozen=True):
    """The answer to ``nodes``."""

    nodes: Nodes | None = None


class NodeLabel(_Answer, frozen=True):
    """A node label; ``exclusivity``: whether only requests with this label get its nodes."""

    name: str
    exclusivity: bool | None = None


class NodeLabelsAnswer(_Answer, frozen=True):
    """The answer to ``get-node-labels``."""

    node_label_info: Many[NodeLabel] = field(default_factory=Many)


class AccessList(_Answer, frozen=True):
    """An access list of a queue; ``access_type``: what it lets do."""

    access_type: str
    access_control_list: str


class AccessLists(_Answer, frozen=True):
    queue_acl: Many[AccessList] = field(default_factory=Many)


class Usage(_Answer, frozen=True):
    """The resources in use on the nodes of one label, which is called partition here."""

    partition_name: str
    used: Resource


class Usages(_Answer, frozen=True):
    resource_usages_by_partition: Many[Usage] = field(default_factory=Many)


class Capacity(_Answer, frozen=True):
    """The capacity of a queue on the nodes of one label: its own, and the most that it may grow to."""

    partition_name: str
    effective_min_resource: Resource | None = None
    effective_max_resource: Resource | None = None


class Capacities(_Answer, frozen=True):
    queue_capacities_by_partition: Many[Capacity] = field(default_factory=Many)


class User(_Answer, frozen=True):
    """A user of a queue."""

    username: str
    resources: Usages | None = None


class Users(_Answer, frozen=True):
    user: Many[User] = field(default_factory=Many)


class Queue(_Answer, frozen=True):
    """A queue of the capacity scheduler; at the root, the scheduler itself, whose kind is ``type``."""

    type: str | None = None
    queue_name: str = ""
    state: str = "RUNNING"
    queue_type: str = "leaf"
    auto_creation_eligibility: str = "off"
    node_labels: Many[str] = field(default_factory=Many)
    default_node_label_expression: str | None = None
    user_limit_factor: float = -1.0
    maximum_allocation: Resource | None = None
    queue_acls: AccessLists | None = None
    queues: "Queues | None" = None
    resources: Usages | None = None
    capacities: Capacities | None = None
    users: Users | None = None
    master_limit: Resource | None = field(default=None, name="AMResourceLimit")

    @property
    def children(self) -> "list[Queue]":
        return self.queues.queue if self.queues else []


class Queues(_Answer, frozen=True):
    queue: Many[Queue] = field(default_factory=Many)


class Scheduler(_Answer, frozen=True):
    scheduler_info: Queue


class SchedulerAnswer(_Answer, frozen=True):
    """The answer to ``scheduler``."""

    scheduler: Scheduler


class Attempt(_Answer, frozen=True):
    """An attempt of an application; ``node_http_address``: the web address of its NodeManager."""

    id: int
    app_attempt_state: str = ""
    node_http_address: str | None = None
    container_id: str | None = None


class Attempts(_Answer, frozen=True):
    app_attempt: Many[Attempt] = field(default_factory=Many)


class AttemptsAnswer(_Answer, frozen=True):
    """The answer to ``apps/ID/appattempts``."""

    app_attempts: Attempts | None = None


class Application(_Answer, frozen=True):
    """An application; ``log_aggregation_status``: how far YARN is with collecting its logs."""

    log_aggregation_status: str | None = None


class ApplicationAnswer(_Answer, frozen=True):
    """The answer to ``apps/ID``."""

    app: Application


class Container(_Answer, frozen=True):
    """A container on its node."""

    state: str


class ContainerAnswer(_Answer, frozen=True):
    """The answer of a NodeManager to ``containers/ID``."""

    container: Container
