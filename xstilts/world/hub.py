"""The world as a hub: rows in the schema of each data set that the task table names.

Rows of one data set and split have the same meanings in every language, in the same order,
as XNLI's or XQuAD's have. Splits are disjoint in meaning. Nothing downstream can tell these
rows from downloaded ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from xstilts.errors import UserError
from xstilts.world import (
    answer_sets,
    choice_sets,
    encyclopedia,
    entity_sets,
    native_qa,
    similarity,
    supertags,
    trees,
    unanswerable,
)
from xstilts.world import basic_sets as sets
from xstilts.world.basic_sets import ISO3, NAMES
from xstilts.world.drawing import Features, Rows
from xstilts.world.grammar import LANGUAGES


@dataclass(frozen=True)
class _DataSet:
    """How one data set is made, and which of our splits each of its own stands for."""

    rows: Callable[[str, int, int, str], tuple[Rows, Features]]
    splits: dict[str, str]
    rounds: int = 1  # of collection: splits `train_r1`, `train_r2`, ... of one drawing


_USUAL = {"train": "train", "validation": "dev", "test": "test"}
_DATA_SETS = {
    "facebook/xnli": _DataSet(sets.inference, _USUAL),
    "nyu-mll/glue mnli": _DataSet(sets.inference, {"train": "train", "validation_matched": "dev"}),
    "nyu-mll/glue qqp": _DataSet(sets.same_question, _USUAL),
    "nyu-mll/glue stsb": _DataSet(similarity.stsb, _USUAL),
    "PhilipMay/stsb_multi_mt": _DataSet(
        similarity.stsb_multi_mt, {"train": "train", "dev": "dev", "test": "test"}
    ),
    "facebook/anli": _DataSet(
        sets.adversarial,
        {f"{ours}_r{number}": ours for ours in ("train", "dev", "test") for number in (1, 2, 3)},
        rounds=3,
    ),
    "stanfordnlp/snli": _DataSet(sets.inference, _USUAL),
    "google-research-datasets/paws-x": _DataSet(sets.paraphrase, _USUAL),
    "google/xtreme udpos": _DataSet(partial(sets.tags, entities=False), _USUAL),
    "LDC/LDC2005T13": _DataSet(
        supertags.supertags, {"train": "train", "dev": "dev", "test": "test"}
    ),
    "universal-dependencies/universal_dependencies": _DataSet(trees.treebank, _USUAL),
    "google/xtreme PAN-X": _DataSet(partial(sets.tags, entities=True), _USUAL),
    "rajpurkar/squad": _DataSet(partial(sets.readings, data="squad"), _USUAL),
    "rajpurkar/squad_v2": _DataSet(unanswerable.squad_v2, _USUAL),
    "google/xquad": _DataSet(partial(sets.readings, data="xquad"), {"validation": "test"}),
    "facebook/mlqa": _DataSet(partial(sets.readings, data="mlqa"), _USUAL),
    "google-research-datasets/xquad_r": _DataSet(answer_sets.xquad_r, {"validation": "test"}),
    "izhx/mewsli-x": _DataSet(entity_sets.mentions, {"validation": "dev", "test": "test"}),
    "izhx/mewsli-x wikipedia_pairs": _DataSet(
        entity_sets.wikipedia_pairs, {"train": "train", "validation": "dev"}
    ),
    "izhx/mewsli-x candidate_entities": _DataSet(entity_sets.candidates, {"test": "test"}),
    "google-research-datasets/tydiqa": _DataSet(
        sets.mixed_readings, {"train": "train", "validation": "test"}
    ),
    "google/xtreme bucc18": _DataSet(sets.comparable, _USUAL),
    "google/xtreme tatoeba": _DataSet(sets.translations, {"validation": "test"}),
    "Rowan/hellaswag": _DataSet(sets.next_event, _USUAL),
    "tau/commonsense_qa": _DataSet(sets.knowledge, _USUAL),
    "allenai/cosmos_qa": _DataSet(choice_sets.cosmos_qa, _USUAL),
    "lighteval/siqa": _DataSet(choice_sets.siqa, {"train": "train", "validation": "dev"}),
    "aps/super_glue copa": _DataSet(choice_sets.copa, {"train": "train", "validation": "dev"}),
    "cambridgeltl/xcopa": _DataSet(choice_sets.xcopa, {"validation": "dev", "test": "test"}),
    "wikimedia/wikipedia": _DataSet(encyclopedia.articles, {"train": "train"}),
    # one split serves training and testing: its slices share no row
    "INK-USC/xcsr": _DataSet(choice_sets.x_csqa, {"validation": "test"}),
    **{hub: _DataSet(native_qa.native_qa, _USUAL) for hub in native_qa.LANGUAGES},
    "juletxara/xstory_cloze": _DataSet(
        choice_sets.xstory_cloze, {"train": "train", "eval": "test"}
    ),
}


def hub_rows(
    hub: str, config: str, split: str, size: int, seed: int
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """`size` rows of a data set in the hub's schema, and the names of its class labels.

    `split` is the data set's own name for it (`validation_matched`). `size` counts the rows
    of one language, also where a split mixes languages. Raises `UserError` for a data set,
    language or split that the world does not have.
    """
    name, _, rest = config.partition(".")
    data = _DATA_SETS.get(f"{hub} {name}") or _DATA_SETS.get(hub)
    if data is None:
        raise UserError(
            f"the world has no data set {hub!r} with config {config!r}; "
            f"it has {', '.join(sorted(_DATA_SETS))}."
        )
    if split not in data.splits:
        raise UserError(
            f"{hub} has no split {split!r} in the world; it has {', '.join(data.splits)}."
        )
    language = _language(hub, config, rest or name)
    rows, features = data.rows(data.splits[split], data.rounds * size, seed, language)
    before = size * (int(split[-1]) - 1) if data.rounds > 1 else 0
    return rows[before : before + size] if data.rounds > 1 else rows, features


def _language(hub: str, config: str, part: str) -> str:
    """The language that a config names by code, English name or ISO 639-3; English if none."""
    if hub in native_qa.LANGUAGES:
        return native_qa.LANGUAGES[hub]
    name = part.rpartition(".")[2].rpartition("-")[2]
    code = _CODES.get(name, name)
    if code in LANGUAGES:
        return code
    if hub in _ENGLISH_ONLY or f"{hub} {config}" in _ENGLISH_ONLY:
        return "en"
    raise UserError(
        f"the world does not speak the language of {hub} {config!r}; "
        f"it speaks {', '.join(LANGUAGES)}."
    )


_CODES = {name: code for code, name in NAMES.items()} | {iso: code for code, iso in ISO3.items()}
_CODES |= trees.TREEBANKS
_CODES |= {"jap": "ja"}  # as X-CSQA's configs say
_ENGLISH_ONLY = (
    "nyu-mll/glue", "facebook/anli", "stanfordnlp/snli", "rajpurkar/squad", "rajpurkar/squad_v2",
    "Rowan/hellaswag", "tau/commonsense_qa", "google-research-datasets/tydiqa",
    "allenai/cosmos_qa", "lighteval/siqa", "aps/super_glue", "LDC/LDC2005T13",
    "izhx/mewsli-x wikipedia_pairs", "izhx/mewsli-x candidate_entities",
)  # fmt: skip
