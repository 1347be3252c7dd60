"""The layout of `dvc.lock`: a head, then the entry of each stage, two spaces in."""

HEAD = "schema: '2.0'\nstages:\n"
_OTHER, _DEEPER = "  ", "   "  # how a line below `stages` begins, and one inside of an entry


def cut(text: str, stage: str) -> tuple[str, str, str]:
    """The text of a lock file before a stage's entry, the entry with a head, the text after it.

    A text that is not laid out as DVC does it, or ends within a line, is all entry.
    """
    lines = text.splitlines(keepends=True)
    body, whole = lines[2:], text.endswith("\n")
    if "".join(lines[:2]) != HEAD or not whole or not all(s.startswith(_OTHER) for s in body):
        return "", text, ""
    name = f"{_OTHER}{stage}:\n"
    start = body.index(name) if name in body else len(body)
    inside = range(start + 1, len(body))
    end = next((at for at in inside if not body[at].startswith(_DEEPER)), len(body))
    return HEAD + "".join(body[:start]), HEAD + "".join(body[start:end]), "".join(body[end:])
