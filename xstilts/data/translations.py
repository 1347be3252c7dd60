"""A user's folder of translations: FOLDER/<task>/<language>/train.jsonl and dev.jsonl.

The rows have the columns of the task's own source, so that its record reads them. Beside JSON
lines whatever `datasets` reads from one file will do: .parquet, .csv, .tsv. The folder is read
like a mirror whose repositories are FOLDER/<task>/<language>.
"""

from collections.abc import Iterable
from pathlib import Path

from xstilts.tasks.record import Source

KIND = "translations"
FOLDER = "folder of translations"
HUB = "translations"  # stands for the owner in the name of such a data set
SPLITS = {"train": "train", "dev": "validation"}  # our split -> what `datasets` calls its file
ENDINGS = (".jsonl", ".json", ".parquet", ".csv", ".tsv")


def files_of(folder: Path, task: str, lang: str, split: str) -> list[Path]:
    """The files of our `split`: one, unless something is wrong."""
    paths = [folder / task / lang / f"{split}{ending}" for ending in ENDINGS]
    return [path for path in paths if path.is_file()]


def repository(source: Source, lang: str) -> str:
    """The folder of one language of a task, as the place of a data set within the translations."""
    return f"{source.hub.removeprefix(f'{HUB}/')}/{lang}"


def unequal(rows: dict[str, int], split: str) -> Iterable[str]:
    """What to note when translations of one split differ in their number of rows."""
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{lang} {count}" for lang, count in rows.items())
        yield (
            f"the translations of {split} differ in their number of rows ({counts}): they are "
            "not parallel, and train_limit draws other rows in each language"
        )
