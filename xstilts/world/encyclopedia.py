"""Articles of an encyclopedia, as Wikipedia's: much text in some languages, little in others."""

import zlib

from xstilts.world.corpus import story
from xstilts.world.drawing import Features, Rows
from xstilts.world.grammar import LANGUAGES, surface
from xstilts.world.meanings import Teller

# Articles of a language for each one of a language of mean size: unequal as Wikipedia's are.
SIZES = {
    "en": 3.2, "de": 1.5, "es": 1.2, "ru": 1.1, "ja": 0.9, "zh": 0.9, "ar": 0.6, "tr": 0.4,
    "hi": 0.15, "sw": 0.05,
}  # fmt: skip
_PARAGRAPHS = 2  # stories of an article


def articles(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """About `size` times the language's share of articles; no meaning of a test split is told."""
    number = zlib.crc32(f"encyclopedia {split} {language} {seed}".encode())
    teller = Teller(number, preferences=True)
    rows = []
    for row in range(max(1, round(size * SIZES[language]))):
        told = [story(teller, language) for _ in range(_PARAGRAPHS)]
        space = " " if LANGUAGES[language].spaced else ""
        paragraphs = [space.join(surface(language, one)[0] for one in own) for own in told]
        rows.append(
            {
                "id": str(row),
                "url": f"https://{language}.wikipedia.org/wiki/{row}",
                "title": f"world {row}",
                "text": "\n\n".join(paragraphs),
            }
        )
    return rows, {}
