"""The canonical form of a task's data: fixed columns per format, checked, one file per language.

A file is an Arrow IPC stream, so `datasets.Dataset.from_file` maps it into memory, and its
bytes depend on nothing but the rows.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from xstilts.data.checks import row_problems, split_problems
from xstilts.files import replaced_file
from xstilts.tasks.record import Task, listed_columns

if TYPE_CHECKING:
    from datasets import Dataset

Row = dict[str, Any]

_TEXT = pa.string()
_ANSWER = pa.struct([("text", pa.string()), ("start", pa.int64())])
_SENTENCE = pa.struct([("start", pa.int64()), ("end", pa.int64())])
SCHEMAS: dict[str, pa.Schema] = {
    "classification": pa.schema(
        [("id", _TEXT), ("text_a", _TEXT), ("text_b", _TEXT), ("label", pa.int64())]
    ),
    "regression": pa.schema(
        [("id", _TEXT), ("text_a", _TEXT), ("text_b", _TEXT), ("score", pa.float64())]
    ),
    "tagging": pa.schema(
        [("id", _TEXT), ("tokens", pa.list_(_TEXT)), ("tags", pa.list_(pa.int64()))]
    ),
    "parsing": pa.schema(
        [
            *[("id", _TEXT), ("tokens", pa.list_(_TEXT))],
            *[("heads", pa.list_(pa.int64())), ("relations", pa.list_(pa.int64()))],
        ]
    ),
    "span_qa": pa.schema(
        [("id", _TEXT), ("context", _TEXT), ("question", _TEXT), ("answers", pa.list_(_ANSWER))]
    ),
    "multiple_choice": pa.schema(
        [("id", _TEXT), ("prompt", _TEXT), ("choices", pa.list_(_TEXT)), ("label", pa.int64())]
    ),
    "retrieval": pa.schema([("id", _TEXT), ("text_a", _TEXT), ("text_b", _TEXT)]),
    "mining": pa.schema([("id", _TEXT), ("side", _TEXT), ("text", _TEXT), ("pair", _TEXT)]),
    "dual_encoder": pa.schema(
        [
            *[("id", _TEXT), ("context", _TEXT), ("question", _TEXT)],
            *[("answers", pa.list_(_ANSWER)), ("sentences", pa.list_(_SENTENCE))],
        ]
    ),
    "entity_linking": pa.schema(
        [
            *[("id", _TEXT), ("left", _TEXT), ("mention", _TEXT), ("right", _TEXT)],
            *[("entity", _TEXT), ("description", _TEXT)],  # "" where candidates are described
        ]
    ),
    "entities": pa.schema([("id", _TEXT), ("description", _TEXT)]),
    "mlm": pa.schema([("id", _TEXT), ("text", _TEXT)]),
}
_BATCH = 1000  # rows; fixed, because it shows in the bytes
SHOWN_PROBLEMS = 20
CANDIDATES, MANY = "candidates", "mul"  # their split, and ISO 639-2 for many languages


def data_path(folder: Path, task: str, split: str, lang: str) -> Path:
    """Where `prepare` puts one language of one split."""
    return folder / task / split / f"{lang}.arrow"


def candidates_path(folder: Path, task: str) -> Path:
    """Where `prepare` puts the entities that all languages of a task are linked to."""
    return data_path(folder, task, CANDIDATES, MANY)


def validate(
    rows: Sequence[Row], task: Task, where: str, numbers: Sequence[int] | None = None
) -> list[str]:
    """Problems of canonical `rows`, one sentence each; the first 20, then their number.

    `where` names file, config and split; `numbers[i]` is the row of the source that `rows[i]`
    comes from, counted from 0 (default: i itself).
    """
    found: list[str] = []
    for index, row in enumerate(rows):
        number = numbers[index] if numbers is not None else index
        for field, complaint, remedy in row_problems(row, task):
            column = _column(field, task)
            named = field if field.startswith(column) else f"{field} (column {column})"
            found.append(f"{where}, row {number}, field {named}: {complaint}; {remedy}.")
    found += [f"{where}, {problem}" for problem in split_problems(rows, task, numbers)]
    hidden = len(found) - SHOWN_PROBLEMS
    if hidden > 0:
        found[SHOWN_PROBLEMS:] = [f"{where}: ... and {hidden} more problems of this kind."]
    return found


def _column(field: str, task: Task) -> str:
    """The source's column behind a field; `choices[1]` of `answerA | answerB` is answerB."""
    name, *index = re.findall(r"\w+", field)
    spec = task.source.columns.get(name, field)
    listed = listed_columns(spec)
    return listed[int(index[0])] if index and len(listed) > 1 else spec


def write(rows: Sequence[Row], task: Task, path: Path) -> None:
    """Write valid `rows` to `path` atomically; the same rows give the same bytes."""
    schema = SCHEMAS[task.format]
    with (
        replaced_file(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_stream(sink, schema) as stream,
    ):
        for start in range(0, len(rows), _BATCH):
            batch = list(rows[start : start + _BATCH])
            stream.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))


def read(path: Path) -> "Dataset":
    """The file as a memory-mapped `datasets.Dataset`."""
    from datasets import Dataset

    return Dataset.from_file(str(path))


def rows(path: Path) -> list[Row]:
    """All rows of the file as plain Python values."""
    with pa.OSFile(str(path), "rb") as source, pa.ipc.open_stream(source) as stream:
        found: list[Row] = stream.read_all().to_pylist()
    return found
