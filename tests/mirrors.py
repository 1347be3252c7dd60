"""Small mirrors of the hub, written by hand for one test, and the entries that read them."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xstilts.tasks.table import TASKS

os.environ.setdefault("HF_HUB_OFFLINE", "1")

SNLI: dict[str, Any] = {
    "premise": ["A dog runs.", "A cat sleeps.", "Two boys play."],
    "hypothesis": ["An animal moves.", "A cat runs.", "They play chess."],
    "label": [0, 2, 1],
}
TAGGED: dict[str, Any] = {"tokens": [["Ana", "sings"], ["Lima"]], "ner_tags": [[1, 0], [5]]}
SQUAD: dict[str, Any] = {
    "id": ["q1", "q2"],
    "context": ["Ana lives in Lima.", "Bob was born in Rome in 1990."],
    "question": ["Where does Ana live?", "When was Bob born?"],
    "answers": [
        {"text": ["Lima"], "answer_start": [13]},
        {"text": ["1990"], "answer_start": [24]},
    ],
}


def put(root: Path, task: str, columns: dict[str, Any] | pa.Table, split: str = "train") -> Path:
    """Write one split of a task's data set (config of English) and the card beside it."""
    source = TASKS[task].source
    config = source.config_of("en")
    folder = root / source.hub
    file = folder / config / f"{split}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pq.write_table(table, file)
    lines = ["---", "configs:", f"- config_name: {config}", "  data_files:"]
    for path in sorted(file.parent.glob("*.parquet")):
        lines += [f"  - split: {path.stem}", f"    path: {config}/{path.stem}*.parquet"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]), encoding="utf-8")
    return file


def of_world(root: Path, task: str, lang: str, sizes: dict[str, int], seed: int = 0) -> None:
    """Write what the world has of a task in a language as the hub would: `sizes` by our splits."""
    from datasets import ClassLabel, Dataset, Sequence

    from xstilts.world import hub_rows

    source = TASKS[task].source
    config, folder = source.config_of(lang), root / source.hub
    for split, size in sizes.items():
        name = source.splits[split]
        rows, labels = hub_rows(source.hub, config, name, size, seed)
        table = Dataset.from_list(list(rows))
        for column, names in labels.items():
            kind = ClassLabel(names=names)
            many = isinstance(rows[0][column], list)
            table = table.cast_column(column, Sequence(kind) if many else kind)
        (folder / config).mkdir(parents=True, exist_ok=True)
        table.to_parquet(folder / config / f"{name}.parquet")
    lines = ["---", "configs:"]
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        lines += [f"- config_name: {path.name}", "  data_files:"]
        for file in sorted(path.glob("*.parquet")):
            lines += [f"  - split: {file.stem}", f"    path: {path.name}/{file.name}"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]), encoding="utf-8")


def entry(
    root: Path, task: str, wanted: dict[str, list[str]], **overrides: Any
) -> dict[str, list[dict[str, Any]]]:
    """A prepare entry: `wanted` languages per split of `task` from the mirror at `root`.

    `overrides` change the record's source.
    """
    record = TASKS[task].to_dict()
    record["source"].update(overrides)
    mirror = {"kind": "mirror", "path": str(root)}
    return {"tasks": [{"task": record, "source": mirror, "splits": wanted}]}
