"""The texts of `yarnml models`: tables of versions, and everything about one."""

from typing import Any

from yarnml.events.text import columns, format_metrics
from yarnml.model.registry import Version, size, tags
from yarnml.model.versions import FORMAT

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def versions_table(versions: list[Version], named: dict[str, int]) -> str:
    """One line for each version; of one that is broken, why."""
    rows = [("version", "aliases", "learner", "created", "by", "metrics")]
    broken = []
    for version in versions:
        names = ", ".join(sorted(name for name, number in named.items() if number == version.number))
        if version.broken:
            broken.append(f"{version.number}: {version.broken}")
            continue
        about = version.about
        kind = about["learner"].get("kind", "")
        rows.append(
            (str(version.number), names, kind, about.get("created", ""), about.get("user", ""), _metrics(about))
        )
    missing = [f"{name} names version {n}, which is not there" for name, n in named.items() if _lacks(versions, n)]
    return "\n".join([columns(rows), *broken, *missing])


def details(folder: str, version: Version, named: dict[str, int], entries: dict[str, list[Any]]) -> str:
    """Everything about one version, a fact a line.  ``entries``: the changes of its aliases."""
    about = version.about
    facts = [("version", version.folder), ("format", about.get("format", FORMAT))]
    facts.append(("aliases", ", ".join(sorted(n for n, number in named.items() if number == version.number))))
    facts += [(f"tag {name}", text) for name, text in tags(folder, version.number).items()]
    facts += [(f"metrics {part}", format_metrics(metrics)) for part, metrics in about["metrics"].items()]
    facts += [
        ("created", f"{about.get('created', '')} by {about.get('user', '?')} on {about.get('host', '?')}"),
        ("application", about.get("application", "")),
        ("job", about["name"]),
        ("learner", ", ".join(f"{k} {v}" for k, v in about["learner"].items() if v is not None)),
        ("parent", (about.get("parent") or {}).get("folder", "")),
        ("code", about.get("code", "")),
    ]
    facts += [(f"data {name}", f"{d['rows']} rows, {d['fingerprint']}") for name, d in about.get("data", {}).items()]
    schema = about["schema"]
    label = schema.get("label")
    labels = ", ".join(label) if isinstance(label, list) else label or "none"
    facts += [
        ("features", ", ".join(about.get("feature_names", []))),
        ("label", f"{labels} ({schema.get('label_type')})"),
        ("classes", ", ".join(map(str, schema.get("classes") or ()))),
        ("packages", ", ".join(f"{name} {number}" for name, number in about.get("packages", {}).items())),
        ("parameters", str(about.get("parameters", ""))),
        ("size", shown_size(size(version))),
    ]
    for name, changes in entries.items():
        facts += [(name, f"{c.time} {c.act} {c.value or ''} by {c.user}") for c in changes]
    return columns([fact for fact in facts if fact[1]])


def comparison(left: Version, right: Version) -> str:
    """Both versions side by side: every metric with its difference, and each field of lineage that differs."""
    rows = [("", f"version {left.number}", f"version {right.number}", "difference")]
    one, two = (_flat(version.about["metrics"]) for version in (left, right))
    for name in dict.fromkeys([*one, *two]):
        if "[" in name:
            continue
        a = one.get(name)
        b = two.get(name)
        change = f"{b - a:+.4g}" if isinstance(a, float) and isinstance(b, float) else ""
        rows.append((name, _number(a), _number(b), change))
    one, two = (_lineage(version.about) for version in (left, right))
    for name in dict.fromkeys([*one, *two]):
        if one.get(name) != two.get(name):
            rows.append((name, _short(one.get(name)), _short(two.get(name)), ""))
    return columns(rows)


def shown_size(size: float) -> str:
    """A number of bytes for a person."""
    for unit in _UNITS[:-1]:
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} {_UNITS[-1]}"


def _lacks(versions: list[Version], number: int) -> bool:
    return number not in {version.number for version in versions}


def _metrics(about: dict[str, Any]) -> str:
    parts = about["metrics"]
    part = next((name for name in ("test", "validation", *parts) if name in parts), None)
    return f"{part}: {format_metrics(parts[part])}" if part else ""


def _lineage(about: dict[str, Any]) -> dict[str, Any]:
    data = {f"data {name}": d["fingerprint"] for name, d in about.get("data", {}).items()}
    return {**_flat({"learner": about["learner"]}), **data, "code": about.get("code"), **about.get("packages", {})}


def _flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested mappings by their paths."""
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, int | float) else "–"


def _short(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= 40 else text[:39] + "…"
