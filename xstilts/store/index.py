"""What the store says of all its published runs: `latest.json` of each study, and one index.

The index is derived from what lies in the store, never from what a publisher remembers: the
listing comes after the index was read, and the index is written only if nobody wrote it in
between. So whoever publishes last has seen all that were published before.
"""

import hashlib
from datetime import UTC, datetime
from functools import partial
from typing import Any

from xstilts.errors import UserError
from xstilts.publish.board.schema import parse_board
from xstilts.publish.page.index import PAGE, SCHEMA, Row, index_row, render_index
from xstilts.store import conditional, fragments, manifest, objects
from xstilts.store.location import Location
from xstilts.store.manifest import Manifest

INDEX = "index.json"
_BOARD = f"{fragments.RESULTS}/scores.json"
_FOREIGN = "xstilts wrote no such file: remove it."
_NO_RUN = "this is no folder of a run (no manifest, no plan, no lock): remove it."
Key = tuple[str, str]  # study, run
Rows = dict[Key, Row]
Broken = dict[str, str]  # path below `studies` -> what is wrong


def announce(location: Location, published: Manifest) -> None:
    """Have `latest.json` and the index name a run that is complete."""
    study = location.below(fragments.STUDIES, published.study)
    conditional.change(study, partial(_newer, published), fragments.LATEST)
    renew(location)


def renew(location: Location) -> None:
    """Write `studies/index.json` and `studies/index.html` over all runs that are complete.

    What is damaged or foreign there is named in both, and breaks nothing.
    """
    studies = location.below(fragments.STUDIES)
    conditional.change(studies, partial(_index, location), INDEX)
    conditional.change(studies, lambda _there: _page(objects.read(studies, INDEX)), PAGE)


def latest_run(text: bytes) -> str | None:
    """The run that `latest.json` names; None if it is damaged."""
    stamp = _stamp(manifest.from_json(text))
    return stamp[1] if stamp else None


def _newer(own: Manifest, there: bytes | None) -> bytes | None:
    """`latest.json` for our own run, unless a newer one is named there."""
    named = {"run": own.run, "written": own.written}
    known, ours = _stamp(manifest.from_json(there)), _stamp(named)
    return None if known and ours and known >= ours else manifest.as_json(named)


def _stamp(named: Any) -> tuple[datetime, str] | None:
    """When a run was written, and its id; None if they are not there."""
    try:
        return datetime.fromisoformat(named["written"]).astimezone(UTC), str(named["run"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _index(location: Location, there: bytes | None) -> bytes:
    """The new index; rows of the old one are taken over, for published runs do not change."""
    keys, broken = _listed(location)
    known = _known(there)
    rows = {key: known[key] for key in keys if key in known}
    fresh = [key for key in keys if key not in known]
    examined = objects.together(partial(_examined, location), fresh)
    for key, found in zip(fresh, examined, strict=True):
        if isinstance(found, str):
            broken["/".join(key)] = found
        elif found:
            rows[key] = found
    newest_first = sorted(rows.values(), key=lambda row: row["written"] or "", reverse=True)
    return _text(sorted(newest_first, key=lambda row: row["study"]), broken)


def _text(rows: list[Row], broken: Broken) -> bytes:
    content = {"schema": SCHEMA, "studies": rows, "broken": dict(sorted(broken.items()))}
    return manifest.as_json(content | {"digest": _digest(rows)})


def _known(there: bytes | None) -> Rows:
    """The rows of an index; none if it is of another version, damaged, or changed by hand."""
    content = manifest.from_json(there)
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        return {}
    rows = content.get("studies", [])
    if content.get("digest") != _digest(rows):
        return {}
    return {tuple(row["page"].split("/")[:2]): row for row in rows}


def _digest(rows: list[Row]) -> str:
    return hashlib.sha256(manifest.as_json(rows)).hexdigest()


def _listed(location: Location) -> tuple[list[Key], Broken]:
    """All folders that may be runs, and the objects beside them that are not ours."""
    files, studies = objects.entries(location, fragments.STUDIES)
    broken = {name: _FOREIGN for name in files if name not in (INDEX, PAGE)}
    listings = objects.together(partial(_study, location), studies)
    for study, (_, problems) in zip(studies, listings, strict=True):
        broken |= {f"{study}/{name}": problem for name, problem in problems.items()}
    keys = [
        (study, run) for study, (runs, _) in zip(studies, listings, strict=True) for run in runs
    ]
    return keys, broken


def _study(location: Location, study: str) -> tuple[list[str], Broken]:
    """The folders of a study, and what is wrong with the objects beside them."""
    files, runs = objects.entries(location, fragments.STUDIES, study)
    broken = {name: _FOREIGN for name in files if name != fragments.LATEST}
    if fragments.LATEST in files:
        text = objects.read(location, fragments.STUDIES, study, fragments.LATEST)
        if latest_run(text or b"") is None:
            broken[fragments.LATEST] = "it names no run: publish the study again to mend it."
    return runs, broken


def _examined(location: Location, key: Key) -> Row | str | None:
    """The row of a complete run, what is wrong with a damaged one, None for one under way."""
    place = fragments.run_folder(location, *key)
    names, _ = objects.entries(place)
    if manifest.NAME not in names and (manifest.CLAIM in names or fragments.LOCK not in names):
        under_way = {manifest.CLAIM, fragments.PARAMS, fragments.PLAN} & set(names)
        return None if under_way else _NO_RUN
    stated, scores = objects.read(place, manifest.NAME), objects.read(place, _BOARD)
    try:
        written = None
        if stated is not None:
            published = manifest.parse(stated, place, *key)
            manifest.verify(location, published, _BOARD, scores)
            written = published.written
        board = parse_board(scores or b"", f"{place.url}/{_BOARD}")
        return index_row(board, "/".join((*key, fragments.RESULTS)), key[1], written)
    except UserError as error:
        return str(error)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        return f"{place.url}/{_BOARD} holds what xstilts does not write ({reason})."


def _page(index: bytes | None) -> bytes:
    content = manifest.from_json(index)
    return render_index(content["studies"], content["broken"]).encode()
