"""Bytes with faults: some of those that disks, editors and strangers make."""

import random

TOKENS = [
    b"\0", b"\xff", b"\n", b": ", b"- ", b"[", b"]", b"{", b"}", b"'", b'"', b"&a ", b"*a", b"!!int ", b"!!binary ",
    b"|\n", b"<<: ", b"? ", b"%YAML", b"---\n", b"...\n", b"9" * 40, b".inf", b".nan", b"2024-13-45", b"\xe2\x80\xa8",
    b"\t", b"#", b"~", b"\\", b"\x1b[2J", b"null", b"-1", b"1e400", b"0x7f", b"\r", b"\xef\xbb\xbf",
]  # fmt: skip


def mutated(data: bytes, seed: int) -> bytes:
    """The bytes with one to four faults, by a seed."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice([1, 1, 2, 8, 64]))
        match chance.randrange(6):
            case 0:
                data = data[:at] + bytes([chance.randrange(256)]) + data[end:]
            case 1:
                data = data[:at] + data[end:]
            case 2:
                data = data[:at] + data[at:end] * chance.choice([2, 3, 50]) + data[end:]
            case 3:
                data = data[:at] + chance.choice(TOKENS) + data[at:]
            case 4:
                data = data[:at]
            case 5:
                other = chance.randrange(len(data) + 1)
                data = data[:at] + data[other : other + 16] + data[at:]
    return data
