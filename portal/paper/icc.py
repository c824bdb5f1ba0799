"""The sRGB colour profile that a PDF/A output intent names, computed from IEC 61966-2-1.

Made here and not shipped: the numbers are in the standard, and a profile of 64 bytes of numbers needs
no file of somebody else's.
"""

from __future__ import annotations

import struct
from functools import cache

_CURVE_POINTS = 1024
# sRGB primaries and white adapted to the profile connection space's D50 (ICC.1:2001-04, annex D)
_RED, _GREEN, _BLUE = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
_WHITE = (0.9642, 1.0, 0.8249)


def _fixed(value: float) -> int:
    """s15Fixed16Number."""
    return round(value * 65536)


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *map(_fixed, values))


def _described(text: str) -> bytes:
    """A textDescriptionType with empty Unicode and ScriptCode parts."""
    plain = text.encode("ascii") + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(plain)) + plain + b"\0" * (4 + 4 + 2 + 1 + 67)


def _curve() -> bytes:
    """The sRGB transfer function as a sampled curve."""

    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    points = [round(65535 * linear(n / (_CURVE_POINTS - 1))) for n in range(_CURVE_POINTS)]
    return b"curv\0\0\0\0" + struct.pack(f">I{_CURVE_POINTS}H", _CURVE_POINTS, *points)


@cache
def srgb() -> bytes:
    """A version 2.1 display profile (ICC.1:2001-04): matrix and three curves."""
    curve = _curve()
    tags = [
        (b"desc", _described("sRGB IEC61966-2.1")),
        (b"cprt", b"text\0\0\0\0No copyright, use freely\0"),
        (b"wtpt", _xyz(_WHITE)),
        (b"rXYZ", _xyz(_RED)),
        (b"gXYZ", _xyz(_GREEN)),
        (b"bXYZ", _xyz(_BLUE)),
        (b"rTRC", curve),
        (b"gTRC", curve),
        (b"bTRC", curve),
    ]
    offset = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    places: dict[bytes, int] = {}
    for name, value in tags:
        if value not in places:
            places[value] = offset + len(data)
            data += value + b"\0" * (-len(value) % 4)
        table += name + struct.pack(">II", places[value], len(value))
    size = 128 + len(table) + len(data)
    made = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    head = struct.pack(">I4xI4s4s4s", size, 0x02100000, b"mntr", b"RGB ", b"XYZ ") + made + b"acsp"
    head += b"\0" * 28 + struct.pack(">3i", *map(_fixed, _WHITE))
    return head.ljust(128, b"\0") + table + data
