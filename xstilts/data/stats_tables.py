"""The figures of `xstilts data stats` as tables for a terminal."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from xstilts.data.stats import Lengths, Part, pieces_by_language
from xstilts.tasks.languages import LANGUAGES

_LABELS = 22  # characters of a line
_FEW = 6  # labels that are all named; of more, the most and the least frequent one


def show(found: Sequence[Part], model: str | None) -> None:
    """Print one table by task and split, and one by language."""
    console = Console()
    console.print(_by_split(found), "", _by_language(found, model))
    unspaced = [one.language for one in found if not LANGUAGES[one.language].spaced]
    if unspaced:
        codes = ", ".join(dict.fromkeys(unspaced))
        console.print(f"In {codes} every character counts as a word.", highlight=False)


def _by_split(found: Sequence[Part]) -> Table:
    table = Table("task", "split", box=None)
    for name in ("languages\n× rows", "words\n(95%)", "sub-words\n(95%)"):
        table.add_column(name, justify="right")
    table.add_column("labels", min_width=_LABELS)
    for task, split in dict.fromkeys((one.task, one.split) for one in found):
        own = [one for one in found if (one.task, one.split) == (task, split)]
        table.add_row(
            task,
            split,
            _sizes([one.rows for one in own]),
            _spread([one.words for one in own]),
            _spread([one.subwords for one in own if one.subwords]),
            _balance(own),
        )
    return table


def _sizes(rows: Sequence[int]) -> str:
    """`9 × 200`; where languages differ the least and the most."""
    low, high = min(rows), max(rows)
    return f"{len(rows)} × {low:,}" + (f"–{high:,}" if high > low else "")


def _spread(lengths: Sequence[Lengths]) -> str:
    """Over languages: the mean of the means, the largest of the 95th percentiles."""
    if not lengths:
        return "–"
    mean = sum(one.mean for one in lengths) / len(lengths)
    return f"{mean:.1f} ({max(one.most for one in lengths)})"


def _balance(own: Iterable[Part]) -> str:
    counts: Counter[str] = Counter()
    for one in own:
        counts.update(one.labels)
    total = counts.total()
    if not total:
        return "–"
    shares = [f"{name} {100 * count / total:.0f}%" for name, count in counts.items()]
    if len(shares) <= _FEW:
        return ", ".join(shares)
    (first, most), (last, least) = counts.most_common()[0], counts.most_common()[-1]
    ends = f"{first} {100 * most / total:.0f}% to {last} {100 * least / total:.1f}%"
    return f"{len(counts)} labels, {ends}"


def _by_language(found: Sequence[Part], model: str | None) -> Table:
    """How much of each language is tested, and how finely the tokenizer cuts its words."""
    pieces = pieces_by_language(found)
    table = Table("language", "family", box=None)
    heads = ("tested\ntasks", "tested\nrows", "words")
    for name in (*heads, f"sub-words per word\nof {model}") if model else heads:
        table.add_column(name, justify="right")
    for lang in sorted({one.language for one in found}):
        own = [one for one in found if one.language == lang]
        tested = [one for one in own if one.split == "test"]
        cells = [str(len(tested)), f"{sum(one.rows for one in tested):,}"]
        cells.append(f"{sum(one.own_words for one in own):,}")
        if model:
            cells.append(f"{pieces[lang]:.2f}" if lang in pieces else "–")
        table.add_row(f"{lang} {LANGUAGES[lang].name}", LANGUAGES[lang].family, *cells)
    return table
