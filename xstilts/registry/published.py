"""A run in the store as the gate sees it."""

import tempfile
from pathlib import Path, PurePosixPath

from xstilts.errors import UserError
from xstilts.registry.entrant import ITEMS, SCORES, Entrant, read_entrant
from xstilts.store import fragments, manifest, objects
from xstilts.store.location import Location


def published_entrant(location: Location, study: str, run: str) -> Entrant:
    """The entrant out of a published run, its files compared with the manifest.

    Raises `UserError` if there is no such run, or what the gate needs of it is missing or damaged.
    """
    found = manifest.read(location, study, run)
    place = fragments.run_folder(location, study, run)
    if found is None:
        raise UserError(f"{place.url} is no published run: it has no {manifest.NAME}.")
    needed = [path for path in found.files if _is_needed(PurePosixPath(path))]
    contents = objects.together(lambda path: manifest.read_file(location, found, path), needed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / fragments.RESULTS / ITEMS).mkdir(parents=True)
        for path, content in zip(needed, contents, strict=True):
            (folder / path).write_bytes(content)
        try:
            return read_entrant(folder / fragments.RESULTS, study, run)
        except UserError as error:
            problems = [problem.replace(temporary, place.url) for problem in error.problems]
            raise UserError(problems) from error


def _is_needed(path: PurePosixPath) -> bool:
    results = PurePosixPath(fragments.RESULTS)
    is_table = path.parent == results / ITEMS and path.suffix == ".parquet"
    return is_table or path == results / SCORES
