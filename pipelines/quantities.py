"""Amounts as Kubernetes writes them: `500m` of a processor, `16Gi` of memory."""

import re
from fractions import Fraction

_CPU = re.compile(r"([1-9][0-9]{0,4})(m?)")
_SIZE = re.compile(r"([1-9][0-9]{0,5})(Mi|Gi|Ti)")
_BYTES = {"Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_ANY = re.compile(
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE]([+-]?[0-9]{1,3})|([KMGTPE]i|[numkMGTPE]))?"
)
_SCALES = (
    {"": Fraction(1)}
    | {letter: Fraction(1000) ** power for power, letter in enumerate("num", -3)}
    | {letter: Fraction(1000) ** power for power, letter in enumerate("kMGTPE", 1)}
    | {f"{letter}i": Fraction(1024) ** power for power, letter in enumerate("KMGTPE", 1)}
)


def cores(text: str) -> float:
    """Processors, such as 4 for `4` and 0.5 for `500m`; raises `ValueError` for another text."""
    found = _CPU.fullmatch(text)
    if not found:
        raise ValueError("must be processors such as 4 or 500m")
    return int(found[1]) / (1000 if found[2] else 1)


def size(text: str) -> int:
    """Bytes, such as 2**30 for `1Gi`; raises `ValueError` for another text.

    Kubernetes knows more units; one of `400m` means a fraction of a byte, so they are not taken.
    """
    found = _SIZE.fullmatch(text)
    if not found:
        raise ValueError("must be a size such as 512Mi, 16Gi or 1Ti")
    return int(found[1]) * _BYTES[found[2]]


def amount(text: object) -> Fraction:
    """Any quantity that Kubernetes takes, in cores, bytes or pieces: `1500m`, `4Ti`, `1e3`, `8`.

    Raises `ValueError` for what is none.
    """
    found = _ANY.fullmatch(str(text))
    if not found:
        raise ValueError(f"{text!r} is no quantity of Kubernetes")
    return Fraction(found[1]) * Fraction(10) ** int(found[2] or 0) * _SCALES[found[3] or ""]


def written(resource: str, value: Fraction) -> str:
    """An amount of a resource for people: `6 cpu`, `1.5Gi memory`, `8 nvidia.com/gpu`."""
    if resource != "memory":
        return f"{float(value):g} {resource}"
    unit = next((name for name in ("Ti", "Gi", "Mi") if value >= _BYTES[name]), None)
    return f"{float(value / _BYTES[unit]):.5g}{unit} memory" if unit else f"{float(value):g} memory"
