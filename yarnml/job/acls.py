"""The section of the job file for other users: who may look at a job on YARN, who may end it."""

from typing import Annotated

from msgspec import Meta, field

from yarnml.job.fields import Section

GROUP = "group:"
"""The beginning of an entry that means everybody of a group."""

_NAME = r"[A-Za-z0-9_][A-Za-z0-9._@-]{0,99}"
Account = Annotated[
    str,
    Meta(pattern=rf"^(({GROUP})?{_NAME}|[*])$(?!\n)", description="a user's name, 'group:NAME', or '*' for everybody"),
]
User = Annotated[str, Meta(pattern=rf"^({_NAME}|[*])$(?!\n)", description="a user's name, or '*' for everybody")]


class Acls(Section, frozen=True, kw_only=True):
    """Other users who may do something with a job on YARN, where ``yarn.acl.enable`` is true.

    ``view``: see its status and the logs of its processes; a user, not a group, may follow its events, too.
    ``modify``: end it.
    ``ui``: see Skein's pages of it.
    """

    view: list[Account] = field(default_factory=list)
    modify: list[Account] = field(default_factory=list)
    ui: list[User] = field(default_factory=list)

    @property
    def followers(self) -> list[str]:
        """The users who may follow its events."""
        return users(self.view)


def users(accounts: list[str]) -> list[str]:
    """The entries that are no groups."""
    return [account for account in accounts if not account.startswith(GROUP)]


def groups(accounts: list[str]) -> list[str]:
    """The names of the groups among the entries."""
    return [account.removeprefix(GROUP) for account in accounts if account.startswith(GROUP)]
