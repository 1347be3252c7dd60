"""Questions of one language alone, in SQuAD's schema: each data set tells texts of its own."""

from xstilts.world import reading
from xstilts.world.drawing import Features, Rows, distinct, teller
from xstilts.world.lexicon import CATEGORIES

_STREAM = 70  # of seeds: no other data set draws from it, nor from the next ones
_HELD_OUT = (*CATEGORIES, "occupation")
LANGUAGES = {
    "hsseinmz/arcd": "ar",
    "deepset/germanquad": "de",
    "kuznetsoffandrey/sberquad": "ru",
    "hfl/cmrc2018": "zh",
}


def native_qa(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """Rows as SQuAD has them; what things are is held out from training, as there."""
    number = list(LANGUAGES.values()).index(language)
    tells = teller(seed + _STREAM + number, split, hold_out=_HELD_OUT)
    items = distinct(lambda: reading.reading(tells, "o", 3), split, size)
    name = int if language == "ru" else f"{language}-{split}-{{}}".format  # as SberQuAD has ids
    rows = [
        {"id": name(row), "title": "world", **reading.rendered(item, language)}
        for row, item in enumerate(items, 1)
    ]
    return rows, {}
