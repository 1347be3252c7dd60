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
    choices,
    pairs,
    reading,
    similarity,
    supertags,
    trees,
    unanswerable,
)
from xstilts.world.drawing import Features, Rows
from xstilts.world.drawing import distinct as _distinct
from xstilts.world.drawing import teller as _teller
from xstilts.world.grammar import LANGUAGES, Clause, Link, question, sentence, surface, text_of
from xstilts.world.lexicon import CATEGORIES
from xstilts.world.meanings import Teller

# What a thing is must be known from pretraining, not learned by heart in fine-tuning.
_NOUNS = (*CATEGORIES, "occupation")
_CONTENT = trees.CONTENT

NLI = ["entailment", "neutral", "contradiction"]
UPOS = [
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON",
    "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
]  # fmt: skip
BIO = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
NAMES = {
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "hi": "Hindi",
    "ja": "Japanese", "ru": "Russian", "sw": "Swahili", "tr": "Turkish", "zh": "Chinese",
}  # fmt: skip
ISO3 = {
    "ar": "ara", "de": "deu", "en": "eng", "es": "spa", "hi": "hin", "ja": "jpn",
    "ru": "rus", "sw": "swh", "tr": "tur", "zh": "cmn",
}  # fmt: skip


def _inference(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    teller = _teller(seed, split, hold_out=_NOUNS)
    rows = [
        {
            "premise": text_of(language, pair.first),
            "hypothesis": text_of(language, pair.second),
            "label": pair.label,
        }
        for pair in _distinct(lambda: pairs.inference(teller), split, size)
    ]
    return rows, {"label": NLI}


def _adversarial(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """ANLI: inference as everywhere here, with the hub's own columns."""
    made, features = _inference(split, size, seed + 42, language)
    rows = [
        {"uid": f"anli-{split}-{number}", **row, "reason": ""} for number, row in enumerate(made)
    ]
    return rows, features


def _paraphrase(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    teller = _teller(seed + 1, split)
    rows = [
        {
            "id": number,
            "sentence1": text_of(language, pair.first),
            "sentence2": text_of(language, pair.second),
            "label": pair.label,
        }
        for number, pair in enumerate(_distinct(lambda: pairs.paraphrase(teller), split, size), 1)
    ]
    return rows, {"label": ["0", "1"]}


def _same_question(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    teller = _teller(seed + 2, split)
    rows = []
    for pair in _distinct(lambda: pairs.same_question(teller), split, size):
        asked = [
            surface(language, question(language, clause, pair.role))[0]
            for clause in (pair.first, pair.second)
        ]
        rows.append({"question1": asked[0], "question2": asked[1], "label": pair.label})
    return rows, {"label": ["not_duplicate", "duplicate"]}


def _statement(teller: Teller) -> Clause | Link:
    return teller.cause() if teller.chance(0.15) else teller.any_clause()


def _tags(
    split: str, size: int, seed: int, language: str, *, entities: bool
) -> tuple[Rows, Features]:
    """Sentences whose content words (names) are held out from training in the test split."""
    teller = _teller(seed + 3 + entities, split, hold_out=_CONTENT)
    rows = []
    for meaning in _distinct(lambda: _statement(teller), split, size):
        tokens = sentence(language, meaning)
        words = [token.text for token in tokens]
        if entities:
            tags = [BIO.index(token.entity) for token in tokens]
            words = [f"{language}:{word}" for word in words]
            rows.append({"tokens": words, "ner_tags": tags, "langs": [language] * len(words)})
        else:
            rows.append({"tokens": words, "pos_tags": [UPOS.index(t.pos) for t in tokens]})
    return rows, {"ner_tags": BIO} if entities else {"pos_tags": UPOS}


def _readings(
    split: str, size: int, seed: int, language: str, *, data: str
) -> tuple[Rows, Features]:
    number = ("squad", "xquad", "mlqa", "tydiqa").index(data)
    teller = _teller(seed + 5 + number, split, hold_out=_NOUNS)
    asked: tuple[str, int, int] = ("ooop", 3, 1) if data == "tydiqa" else ("o", 3, 0)
    rows = []
    items = _distinct(lambda: reading.reading(teller, *asked), split, size)
    for row, item in enumerate(items, 1):
        texts = reading.rendered(item, language)
        rows.append({"id": f"{data}-{split}-{row}", "title": "world", **texts})
    return rows, {}


def _mixed_readings(split: str, size: int, seed: int, _language: str) -> tuple[Rows, Features]:
    """TyDiQA keeps all languages in one split; the row's id starts with the language."""
    rows: Rows = []
    for language in ("ar", "en", "ru", "sw"):
        for row in _readings(split, size, seed, language, data="tydiqa")[0]:
            rows.append(row | {"id": f"{NAMES[language].lower()}-{row['id']}"})
    return rows, {}


def _next_event(split: str, size: int, seed: int, _language: str) -> tuple[Rows, Features]:
    teller = _teller(seed + 9, split)
    rows = []
    for number, item in enumerate(_distinct(lambda: choices.next_event(teller), split, size)):
        rows.append(
            {
                "ind": number,
                "activity_label": "world",
                "ctx_a": item.before,
                "ctx_b": item.opening,
                "ctx": f"{item.before} {item.opening}",
                "endings": list(item.choices),
                "label": str(item.label),
            }
        )
    return rows, {}


def _knowledge(split: str, size: int, seed: int, _language: str) -> tuple[Rows, Features]:
    teller = _teller(seed + 10, split)
    rows = []
    for number, item in enumerate(_distinct(lambda: choices.knowledge(teller), split, size)):
        rows.append(
            {
                "id": f"csqa-{split}-{number}",
                "question": item.before,
                "question_concept": "world",
                "choices": {"label": list("ABCDE"), "text": list(item.choices)},
                "answerKey": "ABCDE"[item.label],
            }
        )
    return rows, {}


def _translations(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    teller = _teller(seed + 11, split)
    rows = [
        {
            "source_sentence": text_of(language, meaning),
            "target_sentence": text_of("en", meaning),
            "source_lang": ISO3[language],
            "target_lang": "eng",
        }
        for meaning in _distinct(lambda: _statement(teller), split, size)
    ]
    return rows, {}


def _comparable(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """Translations hidden among twice as many sentences that have none on the other side."""
    teller = _teller(seed + 12, split)
    rows = []
    for number, item in enumerate(_distinct(lambda: _statement(teller), split, 5 * size)):
        foreign = number < size or number % 2 == 0
        english = number < size or number % 2 == 1
        rows.append(
            {
                "source_sentence": text_of(language, item) if foreign else "",
                "target_sentence": text_of("en", item) if english else "",
                "source_lang": f"{language}-{number:09d}",
                "target_lang": f"en-{number:09d}",
            }
        )
    return rows, {}


@dataclass(frozen=True)
class _DataSet:
    """How one data set is made, and which of our splits each of its own stands for."""

    rows: Callable[[str, int, int, str], tuple[Rows, Features]]
    splits: dict[str, str]
    rounds: int = 1  # of collection: splits `train_r1`, `train_r2`, ... of one drawing


_USUAL = {"train": "train", "validation": "dev", "test": "test"}
_DATA_SETS = {
    "facebook/xnli": _DataSet(_inference, _USUAL),
    "nyu-mll/glue mnli": _DataSet(_inference, {"train": "train", "validation_matched": "dev"}),
    "nyu-mll/glue qqp": _DataSet(_same_question, _USUAL),
    "nyu-mll/glue stsb": _DataSet(similarity.stsb, _USUAL),
    "PhilipMay/stsb_multi_mt": _DataSet(
        similarity.stsb_multi_mt, {"train": "train", "dev": "dev", "test": "test"}
    ),
    "facebook/anli": _DataSet(
        _adversarial,
        {f"{ours}_r{number}": ours for ours in ("train", "dev", "test") for number in (1, 2, 3)},
        rounds=3,
    ),
    "stanfordnlp/snli": _DataSet(_inference, _USUAL),
    "google-research-datasets/paws-x": _DataSet(_paraphrase, _USUAL),
    "google/xtreme udpos": _DataSet(partial(_tags, entities=False), _USUAL),
    "LDC/LDC2005T13": _DataSet(
        supertags.supertags, {"train": "train", "dev": "dev", "test": "test"}
    ),
    "universal-dependencies/universal_dependencies": _DataSet(trees.treebank, _USUAL),
    "google/xtreme PAN-X": _DataSet(partial(_tags, entities=True), _USUAL),
    "rajpurkar/squad": _DataSet(partial(_readings, data="squad"), _USUAL),
    "rajpurkar/squad_v2": _DataSet(unanswerable.squad_v2, _USUAL),
    "google/xquad": _DataSet(partial(_readings, data="xquad"), {"validation": "test"}),
    "facebook/mlqa": _DataSet(partial(_readings, data="mlqa"), _USUAL),
    "google-research-datasets/xquad_r": _DataSet(answer_sets.xquad_r, {"validation": "test"}),
    "google-research-datasets/tydiqa": _DataSet(
        _mixed_readings, {"train": "train", "validation": "test"}
    ),
    "google/xtreme bucc18": _DataSet(_comparable, _USUAL),
    "google/xtreme tatoeba": _DataSet(_translations, {"validation": "test"}),
    "Rowan/hellaswag": _DataSet(_next_event, _USUAL),
    "tau/commonsense_qa": _DataSet(_knowledge, _USUAL),
    "allenai/cosmos_qa": _DataSet(choice_sets.cosmos_qa, _USUAL),
    "lighteval/siqa": _DataSet(choice_sets.siqa, {"train": "train", "validation": "dev"}),
    "aps/super_glue copa": _DataSet(choice_sets.copa, {"train": "train", "validation": "dev"}),
    "cambridgeltl/xcopa": _DataSet(choice_sets.xcopa, {"validation": "dev", "test": "test"}),
    # one split serves training and testing: its slices share no row
    "INK-USC/xcsr": _DataSet(choice_sets.x_csqa, {"validation": "test"}),
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
    data = _DATA_SETS.get(hub) or _DATA_SETS.get(f"{hub} {name}")
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
    name = part.rpartition(".")[2].rpartition("-")[2]
    code = _CODES.get(name, name)
    if code in LANGUAGES:
        return code
    if hub in _ENGLISH_ONLY:
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
)  # fmt: skip
