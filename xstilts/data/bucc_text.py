"""BUCC 2018 as XTREME packages it: two texts and the gold pairs, tab-separated with ids.

`zh-en.dev.zh` and `zh-en.dev.en` hold `id<TAB>sentence`, `zh-en.dev.gold` holds
`foreign id<TAB>English id`. Only these files have the distractors that mining needs.
"""

from pathlib import Path

from xstilts.data.rows import SourceRows
from xstilts.errors import UserError, raise_if_any
from xstilts.tasks.record import Source

_SPLIT_IN_FILES = {"validation": "dev"}  # XTREME's file names against the hub's split names


def paths(root: Path, source: Source, split: str, lang: str) -> dict[str, Path]:
    """Foreign, English and gold file of a language; empty when the mirror has none of them.

    Raises `UserError` when it has some of them only.
    """
    if source.files is None:
        return {}
    pattern = source.files.replace("{lang}", lang)
    pattern = pattern.replace("{split}", _SPLIT_IN_FILES.get(split, split))
    parts = {"foreign": lang, "english": "en", "gold": "gold"}
    found = {name: root / pattern.replace("{part}", part) for name, part in parts.items()}
    missing = [path for path in found.values() if not path.is_file()]
    if len(missing) == len(found):
        return {}
    raise_if_any(f"{path} is missing beside its sister files; complete them." for path in missing)
    return found


def read(files: dict[str, Path], source: Source) -> SourceRows:
    """Rows with the hub's columns: pairs, and distractors whose other sentence is "".

    The three kinds are interleaved evenly, so that a slice holds its share of each.
    """
    foreign, english = _sentences(files["foreign"]), _sentences(files["english"])
    gold = _pairs(files["gold"])
    unknown = [f for f, _ in gold if f not in foreign] + [e for _, e in gold if e not in english]
    raise_if_any(
        f"{files['gold']}: sentence {name!r} is in neither text; complete the texts."
        for name in unknown[:20]
    )
    paired = {sentence for pair in gold for sentence in pair}
    kinds = [
        [(f, foreign[f], e, english[e]) for f, e in gold],
        [(f, text, "", "") for f, text in foreign.items() if f not in paired],
        [("", "", e, text) for e, text in english.items() if e not in paired],
    ]
    placed = [((i + 0.5) / len(kind), kind[i]) for kind in kinds for i in range(len(kind))]
    names = [source.columns[n] for n in ("foreign_id", "foreign", "english_id", "english")]
    rows = [dict(zip(names, values, strict=True)) for _, values in sorted(placed)]
    return SourceRows(
        rows=rows,
        numbers=range(len(rows)),
        where=str(files["gold"]),
        columns=tuple(names),
        notes=(f"official text layout with distractors, from {source.files}",),
    )


def _sentences(path: Path) -> dict[str, str]:
    sentences: dict[str, str] = {}
    problems = []
    for number, (name, text) in enumerate(_pairs(path)):
        if name in sentences:
            problems.append(f"{path}, row {number}: id {name!r} appears twice; make ids unique.")
        sentences[name] = text
    raise_if_any(problems[:20])
    return sentences


def _pairs(path: Path) -> list[tuple[str, str]]:
    """(first, second) column of each line; rows are counted from 0 in messages."""
    pairs, problems = [], []
    for number, line in enumerate(path.read_bytes().splitlines()):
        try:
            first, tab, second = line.decode().partition("\t")
        except UnicodeDecodeError as error:
            problems.append(f"{path}, row {number}: broken UTF-8 ({error}); encode it as UTF-8.")
            continue
        if not tab:
            problems.append(f"{path}, row {number}: no tab in {first[:60]!r}; write id, tab, text.")
        pairs.append((first.strip(), second.strip()))
    if problems:
        raise UserError(problems[:20])
    return pairs
