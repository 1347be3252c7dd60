"""How many rows a study's data sets have, before any of them is prepared.

The world makes as many as the study says. For data of the hub this table says how many rows
a language has, as the publishers of the data sets do; where languages differ it is their mean.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from xstilts.data.splits import base_splits, slices
from xstilts.errors import UserError
from xstilts.tasks.record import Source

# hub id and the part of the config before its language -> split -> rows of one language
HUB_ROWS: dict[tuple[str, str], dict[str, int]] = {
    ("nyu-mll/glue", "mnli"): {"train": 392_702, "validation_matched": 9_815},
    ("nyu-mll/glue", "qqp"): {"train": 363_846, "validation": 40_430},
    ("nyu-mll/glue", "stsb"): {"train": 5_749, "validation": 1_500, "test": 1_379},
    ("PhilipMay/stsb_multi_mt", ""): {"train": 5_749, "dev": 1_500, "test": 1_379},
    ("facebook/anli", "plain_text"): {
        "train_r1": 16_946,
        "dev_r1": 1_000,
        "train_r2": 45_460,
        "dev_r2": 1_000,
        "train_r3": 100_459,
        "dev_r3": 1_200,
    },
    ("stanfordnlp/snli", "plain_text"): {"train": 550_152, "validation": 10_000, "test": 10_000},
    ("rajpurkar/squad", "plain_text"): {"train": 87_599, "validation": 10_570},
    ("rajpurkar/squad_v2", "squad_v2"): {"train": 130_319, "validation": 11_873},
    ("Rowan/hellaswag", "default"): {"train": 39_905, "validation": 10_042},
    ("tau/commonsense_qa", "default"): {"train": 9_741, "validation": 1_221},
    ("allenai/cosmos_qa", "default"): {"train": 25_262, "validation": 2_985},
    ("lighteval/siqa", "default"): {"train": 33_410, "validation": 1_954},
    ("aps/super_glue", "copa"): {"train": 400, "validation": 100},
    ("cambridgeltl/xcopa", ""): {"validation": 100, "test": 500},
    ("INK-USC/xcsr", "X-CSQA-"): {"validation": 1_000},
    ("juletxara/xstory_cloze", ""): {"train": 360, "eval": 1_511},
    ("facebook/xnli", ""): {"train": 392_702, "validation": 2_490, "test": 5_010},
    ("google-research-datasets/paws-x", ""): {"train": 49_401, "validation": 2_000, "test": 2_000},
    ("google/xtreme", "udpos."): {"train": 21_253, "validation": 3_974, "test": 3_100},
    # those of English-EWT: most other treebanks are smaller
    ("universal-dependencies/universal_dependencies", ""): {
        "train": 12_543,
        "validation": 2_002,
        "test": 2_077,
    },
    ("LDC/LDC2005T13", "default"): {"train": 38_015, "dev": 5_484},  # as Phang et al. 2020 count
    ("google/xtreme", "PAN-X."): {"train": 20_000, "validation": 10_000, "test": 6_600},
    ("google/xquad", "xquad."): {"validation": 1_190},
    ("google-research-datasets/xquad_r", ""): {"validation": 1_190},
    ("hsseinmz/arcd", "plain_text"): {"train": 693, "validation": 702},
    ("deepset/germanquad", "default"): {"train": 11_518, "test": 2_204},
    ("AgentPublic/piaf", "plain_text"): {"train": 3_835},
    ("crux82/squad_it", "default"): {"train": 54_159, "test": 7_609},
    ("KorQuAD/squad_kor_v1", "squad_kor_v1"): {"train": 60_407, "validation": 5_774},
    ("kuznetsoffandrey/sberquad", "sberquad"): {"train": 45_328, "validation": 5_036},
    ("hfl/cmrc2018", "default"): {"train": 10_142, "validation": 3_219, "test": 1_002},
    ("izhx/mewsli-x", "wikipedia_pairs"): {"train": 167_719, "validation": 14_051},
    ("izhx/mewsli-x", ""): {"test": 1_329},
    ("izhx/mewsli-x", "candidate_entities"): {"test": 1_003_893},
    ("facebook/mlqa", "mlqa."): {"validation": 700, "test": 6_035},
    # English has fewer training rows than the mean of the languages, and only it is trained on
    ("google-research-datasets/tydiqa", "secondary_task"): {"train": 3_696, "validation": 564},
    ("google/xtreme", "bucc18."): {"validation": 1_150, "test": 8_750},
    ("google/xtreme", "tatoeba."): {"validation": 1_000},
}
_NAMESAKES = 3  # candidates that the world makes for one mention
UNKNOWN_ROWS = 10_000  # of a split that the table does not have


def rows(params: Mapping[str, Any], data: str, task: str, split: str) -> int:
    """Rows of one task's split in the data set of the folder `data`, over its languages.

    `params` are those of `params.yaml`. 0 if the data set has no such part.
    """
    for part in params["prepare"][data.removeprefix("data/")]["tasks"]:
        if part["task"]["name"] == task and split in part["splits"]:
            if part["task"].get("sampling") and part["source"]["kind"] != "world":
                return int(part["task"]["sampling"]["total"])  # sentences of all languages
            return _of_one_language(part, split) * len(part["splits"][split])
    return 0


def candidates(params: Mapping[str, Any], data: str, task: str) -> int:
    """Entities that the test rows of a task are linked to, once for all languages; 0 if none."""
    for part in params["prepare"][data.removeprefix("data/")]["tasks"]:
        own = part["task"]["source"].get("candidates")
        if own and part["task"]["name"] == task and "test" in part["splits"]:
            if part["source"]["kind"] == "world":
                return _NAMESAKES * _of_one_language(part, "test")
            return _of_one_source(part["task"]["source"] | own, "candidates")
    return 0


def assumed(params: Mapping[str, Any]) -> list[str]:
    """Names of the tasks whose number of rows is not in the table."""
    parts = [part for entry in params["prepare"].values() for part in entry["tasks"]]
    return sorted({p["task"]["name"] for p in parts if not _is_declared(p)})


def _is_declared(part: Mapping[str, Any]) -> bool:
    known = part["source"]["kind"] == "world" or part["task"].get("sampling")
    return bool(known) or all(
        set(base_splits(source["splits"][split])) <= _table(source).keys()
        for source in _sources(part)
        for split in part["splits"]
    )


def _of_one_language(part: Mapping[str, Any], split: str) -> int:
    if part["source"]["kind"] == "world":
        return int(part["source"]["sizes"][split])
    return sum(_of_one_source(source, split) for source in _sources(part))


def _of_one_source(source: Mapping[str, Any], split: str) -> int:
    expression = source["splits"][split]
    counts = {name: _table(source).get(name, UNKNOWN_ROWS) for name in base_splits(expression)}
    return _count(expression, counts)


def _sources(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [part["task"]["source"], *part["task"].get("also", ())]


def _table(source: Mapping[str, Any]) -> dict[str, int]:
    return HUB_ROWS.get((source["hub"], source["config"].partition("{")[0]), {})


def _count(expression: str, counts: Mapping[str, int]) -> int:
    if "[" not in expression:
        return sum(counts.values())
    try:
        return sum(len(part) for _, part in slices(expression, counts))
    except UserError:  # a slice beyond the rows that are assumed
        return sum(counts.values())


def published_rows(source: Source) -> dict[str, int | None]:
    """Rows of one language in each split that a record declares; None where nobody says."""
    table = HUB_ROWS.get((source.hub, source.config.partition("{")[0]), {})
    return {
        split: _count(expression, {name: table[name] for name in base_splits(expression)})
        if set(base_splits(expression)) <= table.keys()
        else None
        for split, expression in source.splits.items()
    }


def total(params: Mapping[str, Any], data: str) -> int:
    """Rows of a whole data set."""
    parts: Iterable[Any] = params["prepare"][data.removeprefix("data/")]["tasks"]
    names = [part["task"]["name"] for part in parts]
    return sum(rows(params, data, p["task"]["name"], s) for p in parts for s in p["splits"]) + sum(
        candidates(params, data, name) for name in names
    )
