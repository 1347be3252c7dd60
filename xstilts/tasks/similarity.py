"""How alike the syntax of two languages is, read from `similarity.tsv`.

The table says where it comes from (URIEL, CC BY-SA 4.0) and how it was made.
"""

import csv
from functools import cache
from importlib.resources import files


@cache
def similarities() -> dict[str, dict[str, float]]:
    """Of every two languages of `LANGUAGES`, by code: 1 for the same, above 0 for any two."""
    text = files("xstilts.tasks").joinpath("similarity.tsv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = csv.DictReader(lines, delimiter="\t")
    return {row.pop("language"): {code: float(own) for code, own in row.items()} for row in rows}
