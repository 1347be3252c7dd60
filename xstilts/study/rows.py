"""How many rows a study's data sets have, before any of them is prepared.

The world makes as many as the study says. For data of the hub this table says how many rows
a language has, as the publishers of the data sets do; where languages differ it is their mean.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from xstilts.data.splits import base_splits, slices
from xstilts.errors import UserError

# hub id and the part of the config before its language -> split -> rows of one language
HUB_ROWS: dict[tuple[str, str], dict[str, int]] = {
    ("nyu-mll/glue", "mnli"): {"train": 392_702, "validation_matched": 9_815},
    ("nyu-mll/glue", "qqp"): {"train": 363_846, "validation": 40_430},
    ("stanfordnlp/snli", "plain_text"): {"train": 550_152, "validation": 10_000, "test": 10_000},
    ("rajpurkar/squad", "plain_text"): {"train": 87_599, "validation": 10_570},
    ("Rowan/hellaswag", "default"): {"train": 39_905, "validation": 10_042},
    ("tau/commonsense_qa", "default"): {"train": 9_741, "validation": 1_221},
    ("facebook/xnli", ""): {"validation": 2_490, "test": 5_010},
    ("google-research-datasets/paws-x", ""): {"train": 49_401, "validation": 2_000, "test": 2_000},
    ("google/xtreme", "udpos."): {"train": 21_253, "validation": 3_974, "test": 3_100},
    ("google/xtreme", "PAN-X."): {"train": 20_000, "validation": 10_000, "test": 6_600},
    ("google/xquad", "xquad."): {"validation": 1_190},
    ("facebook/mlqa", "mlqa."): {"validation": 700, "test": 6_035},
    # English has fewer training rows than the mean of the languages, and only it is trained on
    ("google-research-datasets/tydiqa", "secondary_task"): {"train": 3_696, "validation": 564},
    ("google/xtreme", "bucc18."): {"validation": 1_150, "test": 8_750},
    ("google/xtreme", "tatoeba."): {"validation": 1_000},
}
UNKNOWN_ROWS = 10_000  # of a split that the table does not have


def rows(params: Mapping[str, Any], data: str, task: str, split: str) -> int:
    """Rows of one task's split in the data set of the folder `data`, over its languages.

    `params` are those of `params.yaml`. 0 if the data set has no such part.
    """
    for part in params["prepare"][data.removeprefix("data/")]["tasks"]:
        if part["task"]["name"] == task and split in part["splits"]:
            return _of_one_language(part, split) * len(part["splits"][split])
    return 0


def assumed(params: Mapping[str, Any]) -> list[str]:
    """Names of the tasks whose number of rows is not in the table."""
    parts = [part for entry in params["prepare"].values() for part in entry["tasks"]]
    return sorted({p["task"]["name"] for p in parts if not _is_declared(p)})


def _is_declared(part: Mapping[str, Any]) -> bool:
    source, table = part["task"]["source"], _table(part)
    names = [n for split in part["splits"] for n in base_splits(source["splits"][split])]
    return part["source"]["kind"] == "world" or set(names) <= table.keys()


def _of_one_language(part: Mapping[str, Any], split: str) -> int:
    if part["source"]["kind"] == "world":
        return int(part["source"]["sizes"][split])
    expression = part["task"]["source"]["splits"][split]
    counts = {name: _table(part).get(name, UNKNOWN_ROWS) for name in base_splits(expression)}
    return _count(expression, counts)


def _table(part: Mapping[str, Any]) -> dict[str, int]:
    source = part["task"]["source"]
    return HUB_ROWS.get((source["hub"], source["config"].partition("{")[0]), {})


def _count(expression: str, counts: Mapping[str, int]) -> int:
    if "[" not in expression:
        return sum(counts.values())
    try:
        return sum(len(part) for _, part in slices(expression, counts))
    except UserError:  # a slice beyond the rows that are assumed
        return sum(counts.values())


def total(params: Mapping[str, Any], data: str) -> int:
    """Rows of a whole data set."""
    parts: Iterable[Any] = params["prepare"][data.removeprefix("data/")]["tasks"]
    return sum(rows(params, data, p["task"]["name"], s) for p in parts for s in p["splits"])
