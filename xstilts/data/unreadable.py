"""What is wrong with a data set that could not be read, and what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.errors import UserError

if TYPE_CHECKING:
    from xstilts.data.hub import Place


@contextmanager
def readable(place: "Place", hub: str, files: list[str] | None = None) -> Iterator[None]:
    """Turn whatever `datasets` raises about a source into one `UserError`.

    Its exceptions have no common class and change between releases, hence `Exception`.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        cause = f"{type(error).__name__}: {first[:300]}"
        raise UserError(_unreadable(place, hub, files or [], cause)) from error


def _unreadable(place: "Place", hub: str, files: list[str], cause: str) -> str:
    if place.root is None:
        what = f"{place.named(hub)}{' (' + ', '.join(files) + ')' if files else ''}"
        return (
            f"{what} could not be read ({cause}): check the name, the revision and "
            "the network and start again, or use a mirror (source kind mirror)."
        )
    if any(_is_empty(Path(file)) for file in files):
        return without_rows(", ".join(files) + f" ({hub})")
    broken = next((file for file in files if _is_broken(Path(file))), None)
    if broken:
        return (
            f"{broken} ({hub}) is truncated or not the format its name says ({cause}): an "
            "interrupted download? Fetch the file again."
        )
    return (
        f"{place.named(hub)} could not be read ({cause}): compare its files with the columns and "
        "configs that its README.md declares, or fetch the data set again."
    )


def without_rows(where: str) -> str:
    """The message about a split that holds nothing."""
    return f"{where}: there are no rows; leave the language out, or fetch the data set again."


def _is_empty(file: Path) -> bool:
    """Whether a file holds no rows, which `datasets` cannot read."""
    import pyarrow.parquet as pq

    if file.suffix != ".parquet":
        return file.is_file() and not file.read_bytes().strip()
    return not _is_broken(file) and bool(pq.read_metadata(file).num_rows == 0)


def _is_broken(file: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.suffix != ".parquet":
        return False
    try:
        pq.read_table(file)
    except (pa.ArrowException, OSError):
        return True
    return False
