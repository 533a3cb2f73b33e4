"""The short name that a cluster makes of a Kerberos principal, by the rules of hadoop.security.auth_to_local.

Hadoop's KerberosName and its two mechanisms: ``hadoop``, where no rule at all is an error and a name must be simple,
and ``MIT``, where a principal without a rule keeps its whole name.
"""

import re

_RULE = re.compile(
    r"RULE:\[(?P<count>\d+):(?P<form>[^\]]*)\](?:\((?P<pattern>[^)]*)\))?"
    r"(?:s/(?P<old>[^/]*)/(?P<new>[^/]*)/(?P<every>g)?)?(?:/?(?P<lower>L))?$"
)
_NOT_SIMPLE = re.compile(r"[/@]")


def short_name(principal: str, rules: str, default_realm: str, mechanism: str = "hadoop") -> str:
    """Apply the rules, separated by white space, in their order.

    Raises ValueError for a rule that can't be read, PermissionError where no rule is for the principal, or one makes a
    name of it that is not simple.
    """
    primary, _, realm = principal.partition("@")
    components = primary.split("/")
    for rule in rules.split() or ["DEFAULT"]:
        name = _default(components, realm, default_realm) if rule == "DEFAULT" else _named(rule, components, realm)
        if name is None:
            continue
        if mechanism != "MIT" and _NOT_SIMPLE.search(name):
            raise PermissionError(
                f"the rule {rule} makes '{name}' of the principal {principal}, which is no user's name"
            )
        return name
    if mechanism == "MIT":
        return principal
    raise PermissionError(f"no rule is for the principal {principal}")


def _default(components: list[str], realm: str, default_realm: str) -> str | None:
    return components[0] if realm == default_realm or not realm else None


def _named(rule: str, components: list[str], realm: str) -> str | None:
    """The name that one rule makes; None where it is not for this principal."""
    parts = _RULE.match(rule)
    if not parts:
        raise ValueError(f"{rule} is no rule: DEFAULT or RULE:[n:form](pattern)s/old/new/g/L")
    if int(parts["count"]) != len(components):
        return None
    numbered = [realm, *components]
    name = re.sub(r"\$(\d+)", lambda part: _at(numbered, int(part[1]), rule), parts["form"])
    if parts["pattern"] is not None and not re.fullmatch(parts["pattern"], name):
        return None
    if parts["old"] is not None:
        new = re.sub(r"\$(\d+)", r"\\\1", parts["new"])  # Java's groups
        name = re.sub(parts["old"], new, name, count=0 if parts["every"] else 1)
    return name.lower() if parts["lower"] else name


def _at(numbered: list[str], number: int, rule: str) -> str:
    if number >= len(numbered):
        raise ValueError(f"{rule} asks for ${number} of a principal with {len(numbered) - 1} components")
    return numbered[number]
