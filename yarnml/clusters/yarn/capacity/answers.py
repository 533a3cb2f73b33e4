"""The answers of YARN's REST services as types, with the fields that are read here."""

from msgspec import field

from yarnml.storage.answers import Answer, Many

GPU = "yarn.io/gpu"


class ResourceInformation(Answer, frozen=True):
    """The amount of one kind of resource."""

    name: str = ""
    value: int = 0


class ResourceInformations(Answer, frozen=True):
    resource_information: Many[ResourceInformation] = field(default_factory=Many)


class Resource(Answer, frozen=True):
    """An amount of every kind of resource; ``memory`` in MiB."""

    memory: int | None = None
    v_cores: int | None = None
    resource_informations: ResourceInformations = field(default_factory=ResourceInformations)

    @property
    def by_name(self) -> dict[str, int]:
        """The amounts by their kinds; empty in versions of YARN that know memory and vcores only."""
        return {kind.name: kind.value for kind in self.resource_informations.resource_information}


class Node(Answer, frozen=True):
    """A NodeManager.

    ``total_resource``, ``used_resource``: Hadoop 3.2 does not tell them, but memory and vcores one by one.
    """

    node_host_name: str = ""
    state: str = ""
    node_labels: Many[str] = field(default_factory=Many)
    total_resource: Resource | None = None
    used_resource: Resource | None = None
    used_memory: int = field(default=0, name="usedMemoryMB")
    available_memory: int = field(default=0, name="availMemoryMB")
    used_virtual_cores: int = 0
    available_virtual_cores: int = 0


class Nodes(Answer, frozen=True):
    node: Many[Node] = field(default_factory=Many)


class NodesAnswer(Answer, frozen=True):
    """The answer to ``nodes``."""

    nodes: Nodes = field(default_factory=Nodes)


class ClusterInfo(Answer, frozen=True):
    """A ResourceManager of itself; ``started_on``: since when it is active, in milliseconds since 1970."""

    ha_state: str = ""
    started_on: int = 0


class ClusterAnswer(Answer, frozen=True):
    """The answer to ``info``."""

    cluster_info: ClusterInfo = field(default_factory=ClusterInfo)


class NodeLabel(Answer, frozen=True):
    """A node label; ``exclusivity``: whether only requests with this label get its nodes."""

    name: str = ""
    exclusivity: bool = False


class NodeLabelsAnswer(Answer, frozen=True):
    """The answer to ``get-node-labels``."""

    node_label_info: Many[NodeLabel] = field(default_factory=Many)


class AccessList(Answer, frozen=True):
    """An access list of a queue; ``access_type``: what it lets do."""

    access_type: str = ""
    access_control_list: str = ""


class AccessLists(Answer, frozen=True):
    queue_acl: Many[AccessList] = field(default_factory=Many)


class Usage(Answer, frozen=True):
    """The resources in use on the nodes of one label, which is called partition here."""

    partition_name: str = ""
    used: Resource = field(default_factory=Resource)


class Usages(Answer, frozen=True):
    resource_usages_by_partition: Many[Usage] = field(default_factory=Many)


class Capacity(Answer, frozen=True):
    """The capacity of a queue on the nodes of one label: its own, and the most that it may grow to."""

    partition_name: str = ""
    effective_min_resource: Resource | None = None
    effective_max_resource: Resource | None = None


class Capacities(Answer, frozen=True):
    queue_capacities_by_partition: Many[Capacity] = field(default_factory=Many)


class User(Answer, frozen=True):
    """A user of a queue."""

    username: str = ""
    resources: Usages = field(default_factory=Usages)


class Users(Answer, frozen=True):
    user: Many[User] = field(default_factory=Many)


class Queue(Answer, frozen=True):
    """A queue of the capacity scheduler; at the root, the scheduler itself, whose kind is ``type``."""

    type: str = ""
    queue_name: str = ""
    state: str = "RUNNING"
    queue_type: str = "leaf"
    auto_creation_eligibility: str = "off"
    node_labels: Many[str] = field(default_factory=Many)
    default_node_label_expression: str = ""
    user_limit_factor: float = -1.0
    maximum_allocation: Resource | None = None
    queue_acls: AccessLists = field(default_factory=AccessLists)
    queues: "Queues | None" = None
    resources: Usages = field(default_factory=Usages)
    capacities: Capacities = field(default_factory=Capacities)
    users: Users = field(default_factory=Users)
    master_limit: Resource = field(default_factory=Resource, name="AMResourceLimit")

    @property
    def children(self) -> "list[Queue]":
        return self.queues.queue if self.queues else []


class Queues(Answer, frozen=True):
    queue: Many[Queue] = field(default_factory=Many)


class Scheduler(Answer, frozen=True):
    scheduler_info: Queue = field(default_factory=Queue)


class SchedulerAnswer(Answer, frozen=True):
    """The answer to ``scheduler``."""

    scheduler: Scheduler = field(default_factory=Scheduler)


class Attempt(Answer, frozen=True):
    """An attempt of an application.

    ``app_attempt_state``: Hadoop 3.3 and older don't tell it.
    ``finished_time``: in milliseconds since 1970, 0 while it runs.
    ``node_http_address``: the web address of its NodeManager.
    """

    id: int = 0
    app_attempt_state: str = ""
    finished_time: int = 0
    node_http_address: str = ""
    container_id: str = ""

    @property
    def state(self) -> str:
        return self.app_attempt_state or ("ENDED" if self.finished_time else "RUNNING")


class Attempts(Answer, frozen=True):
    app_attempt: Many[Attempt] = field(default_factory=Many)


class AttemptsAnswer(Answer, frozen=True):
    """The answer to ``apps/ID/appattempts``."""

    app_attempts: Attempts = field(default_factory=Attempts)


class Application(Answer, frozen=True):
    """An application; ``log_aggregation_status``: how far YARN is with collecting its logs."""

    log_aggregation_status: str = ""


class ApplicationAnswer(Answer, frozen=True):
    """The answer to ``apps/ID``."""

    app: Application = field(default_factory=Application)


class Container(Answer, frozen=True):
    """A container on its node."""

    state: str = ""


class ContainerAnswer(Answer, frozen=True):
    """The answer of a NodeManager to ``containers/ID``."""

    container: Container = field(default_factory=Container)


class Device(Answer, frozen=True):
    """A device that a NodeManager has given to a container; ``index``: its number on the node."""

    index: int | str = ""
    container_id: str = ""


class DevicesAnswer(Answer, frozen=True):
    """The answer of a NodeManager to ``resources/yarn.io/gpu``."""

    assigned_gpu_devices: Many[Device] = field(default_factory=Many)
