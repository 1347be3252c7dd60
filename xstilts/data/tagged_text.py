"""Tagged sentences as jiant keeps CCGbank: words, a tab, tags, each separated by spaces.

`tags_to_id.json` beside the file numbers the tags. CCGbank is licensed: nobody may offer it for
download, so each user makes these files from an own copy (jiant's `scripts/ccg`).
"""

import json
from pathlib import Path
from typing import Any

from xstilts.data.rows import SourceRows
from xstilts.errors import UserError, raise_if_any
from xstilts.tasks.record import Source

_NUMBERS = "tags_to_id.json"
_SHOWN = 20  # problems of one file


def paths(root: Path, source: Source, split: str) -> dict[str, Path]:
    """The sentences of a split and the numbers of the tags.

    Raises `UserError` with every file that the mirror does not have.
    """
    assert source.files
    sentences = root / source.files.replace("{split}", split)
    found = {"sentences": sentences, "numbers": sentences.with_name(_NUMBERS)}
    raise_if_any(
        f"{path} is missing: {source.hub} is licensed and not on the hub; make the file from your "
        "own copy (words, a tab, tags; tags_to_id.json numbers them) and put it there."
        for path in found.values()
        if not path.is_file()
    )
    return found


def not_on_the_hub(source: Source) -> UserError:
    """What to say where no mirror was named."""
    return UserError(
        f"{source.hub} is licensed and not on the hub: put {source.files} and {_NUMBERS} beside it "
        "into a folder, and name that folder as the study's source (kind mirror)."
    )


def read(files: dict[str, Path], source: Source, split: str) -> SourceRows:
    """One row per line, its tags as numbers; a tag without one stays as it is, for the checks.

    Raises `UserError` for a file that is not in the layout.
    """
    numbers, path = _numbers(files["numbers"]), files["sentences"]
    rows: list[dict[str, Any]] = []
    problems = []
    for number, line in enumerate(path.read_bytes().splitlines()):
        text = line.decode(errors="surrogateescape")  # the checks name what is no UTF-8
        words, tab, tags = text.strip().partition("\t")
        if not tab:
            problems.append(f"{path}, row {number}: no tab in {text[:60]!a}; write one.")
        found = [numbers.get(tag, tag) for tag in tags.split()]
        rows.append({"tokens": words.split(), "tags": found})
    raise_if_any(problems[:_SHOWN])
    return SourceRows(
        rows=rows,
        numbers=range(len(rows)),
        where=f"{path} ({source.hub}, config {source.config}, split {split})",
        columns=("tokens", "tags"),
        notes=("from a user's own copy",),
    )


def _numbers(path: Path) -> dict[str, int]:
    try:
        return {str(tag): int(number) for tag, number in json.loads(path.read_bytes()).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f'{path} is not a JSON object of tags and their numbers, {{"N": 0, ...}} ({error}); '
            "write it again."
        ) from error
