"""Amounts as Kubernetes writes them: `500m` of a processor, `16Gi` of memory."""

import re

_CPU = re.compile(r"([1-9][0-9]{0,4})(m?)")
_SIZE = re.compile(r"([1-9][0-9]{0,5})(Mi|Gi|Ti)")
_BYTES = {"Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


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
