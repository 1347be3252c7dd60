"""Data sets of XTREME and its training tasks in the hub's schema: one function each."""

from xstilts.world import choices, pairs, reading, trees
from xstilts.world.drawing import Features, Rows, distinct, teller
from xstilts.world.grammar import Clause, Link, question, sentence, surface, text_of
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


def inference(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    tells = teller(seed, split, hold_out=_NOUNS)
    rows = [
        {
            "premise": text_of(language, pair.first),
            "hypothesis": text_of(language, pair.second),
            "label": pair.label,
        }
        for pair in distinct(lambda: pairs.inference(tells), split, size)
    ]
    return rows, {"label": NLI}


def adversarial(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """ANLI: inference as everywhere here, with the hub's own columns."""
    made, features = inference(split, size, seed + 42, language)
    rows = [
        {"uid": f"anli-{split}-{number}", **row, "reason": ""} for number, row in enumerate(made)
    ]
    return rows, features


def paraphrase(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    tells = teller(seed + 1, split)
    rows = [
        {
            "id": number,
            "sentence1": text_of(language, pair.first),
            "sentence2": text_of(language, pair.second),
            "label": pair.label,
        }
        for number, pair in enumerate(distinct(lambda: pairs.paraphrase(tells), split, size), 1)
    ]
    return rows, {"label": ["0", "1"]}


def same_question(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    tells = teller(seed + 2, split)
    rows = []
    for pair in distinct(lambda: pairs.same_question(tells), split, size):
        asked = [
            surface(language, question(language, clause, pair.role))[0]
            for clause in (pair.first, pair.second)
        ]
        rows.append({"question1": asked[0], "question2": asked[1], "label": pair.label})
    return rows, {"label": ["not_duplicate", "duplicate"]}


def _statement(tells: Teller) -> Clause | Link:
    return tells.cause() if tells.chance(0.15) else tells.any_clause()


def tags(
    split: str, size: int, seed: int, language: str, *, entities: bool
) -> tuple[Rows, Features]:
    """Sentences whose content words (names) are held out from training in the test split."""
    tells = teller(seed + 3 + entities, split, hold_out=_CONTENT)
    rows = []
    for meaning in distinct(lambda: _statement(tells), split, size):
        tokens = sentence(language, meaning)
        words = [token.text for token in tokens]
        if entities:
            tags = [BIO.index(token.entity) for token in tokens]
            words = [f"{language}:{word}" for word in words]
            rows.append({"tokens": words, "ner_tags": tags, "langs": [language] * len(words)})
        else:
            rows.append({"tokens": words, "pos_tags": [UPOS.index(t.pos) for t in tokens]})
    return rows, {"ner_tags": BIO} if entities else {"pos_tags": UPOS}


def readings(
    split: str, size: int, seed: int, language: str, *, data: str
) -> tuple[Rows, Features]:
    number = ("squad", "xquad", "mlqa", "tydiqa").index(data)
    tells = teller(seed + 5 + number, split, hold_out=_NOUNS)
    asked: tuple[str, int, int] = ("ooop", 3, 1) if data == "tydiqa" else ("o", 3, 0)
    rows = []
    items = distinct(lambda: reading.reading(tells, *asked), split, size)
    for row, item in enumerate(items, 1):
        texts = reading.rendered(item, language)
        rows.append({"id": f"{data}-{split}-{row}", "title": "world", **texts})
    return rows, {}


def mixed_readings(split: str, size: int, seed: int, _language: str) -> tuple[Rows, Features]:
    """TyDiQA keeps all languages in one split; the row's id starts with the language."""
    rows: Rows = []
    for language in ("ar", "en", "ru", "sw"):
        for row in readings(split, size, seed, language, data="tydiqa")[0]:
            rows.append(row | {"id": f"{NAMES[language].lower()}-{row['id']}"})
    return rows, {}


def next_event(split: str, size: int, seed: int, _language: str) -> tuple[Rows, Features]:
    tells = teller(seed + 9, split)
    rows = []
    for number, item in enumerate(distinct(lambda: choices.next_event(tells), split, size)):
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


def knowledge(split: str, size: int, seed: int, _language: str) -> tuple[Rows, Features]:
    tells = teller(seed + 10, split)
    rows = []
    for number, item in enumerate(distinct(lambda: choices.knowledge(tells), split, size)):
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


def translations(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    tells = teller(seed + 11, split)
    rows = [
        {
            "source_sentence": text_of(language, meaning),
            "target_sentence": text_of("en", meaning),
            "source_lang": ISO3[language],
            "target_lang": "eng",
        }
        for meaning in distinct(lambda: _statement(tells), split, size)
    ]
    return rows, {}


def comparable(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """Translations hidden among twice as many sentences that have none on the other side."""
    tells = teller(seed + 12, split)
    rows = []
    for number, item in enumerate(distinct(lambda: _statement(tells), split, 5 * size)):
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
