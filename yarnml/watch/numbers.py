"""Times, sizes and numbers as a person reads them."""

MISSING = "–"


def duration(seconds: float) -> str:
    """Write a time: '8.1 s', '12:05 min', '3:07:00 h'."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_of_hour = divmod(minutes, 60)
    return f"{hours}:{minutes_of_hour:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"


def seconds(value: float) -> str:
    """Write a time of a part of a step: '0.81 ms', '0.025 s', '3.1 s'."""
    return f"{1000 * value:.3g} ms" if 0 < value < 0.01 else f"{value:.4g} s"


def size(count: float) -> str:
    """Write a number of bytes: '1.5 GiB', '2 GiB'."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{_short(count)} {unit}"
        count /= 1024
    return f"{_short(count)} TiB"


def _short(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


def number(value: float | None) -> str:
    """Write a number with four digits, a large one whole."""
    return MISSING if value is None else f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
