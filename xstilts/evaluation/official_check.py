"""What is wrong with a folder of predictions, in words, before the benchmark's script is."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.evaluation import conllu

Rows = Sequence[dict[str, Any]]
Gold = Callable[[str, str], Rows | None]
Check = Callable[[str, Rows | None], Iterator[str]]

_DEPTH = 20  # of a ranking
_NLI = ("contradiction", "entailment", "neutral")
_ENTITIES = ("O", *(f"{place}-{kind}" for kind in ("LOC", "ORG", "PER") for place in "BI"))
_UPOS = (
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM"),
    *("PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X"),
    "O",  # the official script always adds it to the label list
)


def problems(
    folder: Path, languages_by_task: Mapping[str, Collection[str]], gold: Gold | None = None
) -> list[str]:
    """Every deviation of a submission folder from the official layout; [] when there is none.

    `languages_by_task` names the tasks and languages that must be there. `gold(task,
    language)` gives the canonical test rows where it has them; with them line counts, tags per
    sentence and ids are compared too, without them only what the files show by themselves.
    """
    found = [f"{folder}: no such folder"] if not folder.is_dir() else []
    if found:
        return found
    for path in sorted(folder.iterdir()):
        if path.name not in languages_by_task:
            kind = "folder" if path.is_dir() else "file"
            found.append(f"{path}: no task of this submission has this name; remove the {kind}")
    for task, languages in languages_by_task.items():
        found += _task_problems(folder / task, task, languages, gold)
    return found


def _task_problems(
    folder: Path, task: str, languages: Collection[str], gold: Gold | None
) -> list[str]:
    if task not in _CHECKS:
        return [f"{folder}: XTREME has no task '{task}'; it has {', '.join(_CHECKS)}"]
    if not folder.is_dir():
        return [f"{folder}: missing; write predictions for {', '.join(languages)}"]
    suffix, check = _CHECKS[task]
    paths = {lang: folder / f"test-{lang}.{suffix}" for lang in languages}
    found = [
        f"{path}: not a file of this task; expected test-<language>.{suffix} for "
        f"{', '.join(languages)}"
        for path in sorted(set(folder.iterdir()) - set(paths.values()))
    ]
    for lang, path in paths.items():
        if not path.is_file():
            found.append(f"{path}: missing; every language of the task must be there")
            continue
        rows = None if gold is None else gold(task, lang)
        found += [f"{path}: {message}" for message in _file_problems(path, check, rows)]
    return found


def _file_problems(path: Path, check: Check, rows: Rows | None) -> Iterator[str]:
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        yield f"byte {error.start} is not UTF-8; write the file as UTF-8"
        return
    yield from check(text, rows)


def _lines(text: str) -> list[str]:
    """Lines as the official reader sees them: stripped, a final line break ends the last one."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.strip() for line in lines]


def _listed(bad: Sequence[tuple[int, str]], what: str) -> Iterator[str]:
    """One message for all bad lines of a kind: the first, and how many more there are."""
    if bad:
        number, line = bad[0]
        more = f" (and {len(bad) - 1} more such lines)" if len(bad) > 1 else ""
        yield f"line {number}: {what}{f' {line!r}' if line else ''}{more}"


def _line_problems(
    lines: Sequence[str], is_valid: Callable[[str], bool], expected: int | None
) -> Iterator[str]:
    """Blank and invalid lines, and a wrong number of lines."""
    numbered = list(enumerate(lines, start=1))
    if lines and not lines[-1]:
        yield f"line {len(lines)}: blank last line, which counts as a prediction; remove it"
    yield from _listed([(n, s) for n, s in numbered[:-1] if not s], "blank line")
    yield from _listed([(n, s) for n, s in numbered if s and not is_valid(s)], "unknown label")
    if expected is not None and len(lines) != expected:
        yield f"{len(lines)} lines for {expected} test examples"


def _labels(allowed: Collection[str]) -> Check:
    def check(text: str, rows: Rows | None) -> Iterator[str]:
        yield from _line_problems(
            _lines(text), lambda line: line in allowed, None if rows is None else len(rows)
        )

    return check


def _choices(text: str, rows: Rows | None) -> Iterator[str]:
    yield from _line_problems(_lines(text), _is_choice, None if rows is None else len(rows))


def _is_choice(line: str) -> bool:
    try:
        value = json.loads(line)
    except json.JSONDecodeError:
        return False
    return isinstance(value, dict) and value.get("label") in (0, 1)


def _positions(text: str, rows: Rows | None) -> Iterator[str]:
    lines = _lines(text)
    known = {str(number) for number in range(len(lines))}
    yield from _line_problems(
        lines, lambda line: line in known, None if rows is None else len(rows)
    )


def _tags(allowed: Collection[str]) -> Check:
    def check(text: str, rows: Rows | None) -> Iterator[str]:
        lines = _lines(text)
        numbered = list(enumerate(lines, start=1))
        if lines and not lines[-1]:
            yield f"line {len(lines)}: blank last line; remove it"
        empty = [(n, "") for n, line in numbered[:-1] if not line and (n == 1 or not lines[n - 2])]
        yield from _listed(empty, "blank line that makes an empty sentence")
        unknown = [(n, line) for n, line in numbered if line and line not in allowed]
        yield from _listed(unknown, "unknown tag")
        if rows is not None:
            yield from _sentence_problems(_sentence_lengths(lines), rows)

    return check


def _sentence_lengths(lines: Sequence[str]) -> list[int]:
    """Tags per sentence; a blank line ends a sentence, as in the official reader."""
    lengths = [0]
    for line in lines:
        if line:
            lengths[-1] += 1
        else:
            lengths.append(0)
    return lengths if lengths[-1] else lengths[:-1]


def _sentence_problems(lengths: Sequence[int], rows: Rows) -> Iterator[str]:
    if len(lengths) != len(rows):
        yield f"{len(lengths)} sentences for {len(rows)} test sentences"
    pairs = enumerate(zip(lengths, rows, strict=False), start=1)
    bad = [(n, got, row) for n, (got, row) in pairs if got != len(row["tokens"])]
    if bad:
        number, got, row = bad[0]
        more = f" (and {len(bad) - 1} more such sentences)" if len(bad) > 1 else ""
        yield (
            f"sentence {number} ('{row['id']}'): {got} tags for {len(row['tokens'])} tokens{more}"
        )


def _pairs(text: str, rows: Rows | None) -> Iterator[str]:
    lines = _lines(text)
    numbered = list(enumerate(lines, start=1))
    yield from _listed([(n, s) for n, s in numbered if not s], "blank line, a wrong pair")
    fields = {n: line.split("\t") for n, line in numbered if line}
    malformed = [(n, lines[n - 1]) for n, ids in fields.items() if len(ids) != 2]
    yield from _listed(malformed, "not two ids with a tab between them:")
    repeated = len(fields) - len(set(map(tuple, fields.values())))
    if repeated:
        yield f"{repeated} pairs occur more than once; the official script counts each once"
    if rows is not None:
        sides = [{row["id"] for row in rows if row["side"] == s} for s in ("foreign", "english")]
        unknown = [
            (n, lines[n - 1])
            for n, ids in fields.items()
            if len(ids) == 2 and not (ids[0] in sides[0] and ids[1] in sides[1])
        ]
        yield from _listed(unknown, "not a foreign id and an English id of the test set:")


def _answers(text: str, rows: Rows | None) -> Iterator[str]:
    yield from _by_question(text, rows, "text", lambda answer: isinstance(answer, str))


def _rankings(text: str, rows: Rows | None) -> Iterator[str]:
    yield from _by_question(text, rows, "list of 1 to 20 different ids", _is_ranking)


def _is_ranking(value: Any) -> bool:
    texts = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return texts and 1 <= len(value) <= _DEPTH and len(set(value)) == len(value)


def _by_question(
    text: str, rows: Rows | None, kind: str, is_valid: Callable[[Any], bool]
) -> Iterator[str]:
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except json.JSONDecodeError as error:
        yield f"not JSON: {error}"
        return
    if not text.lstrip().startswith("{"):
        yield f"not a JSON object of question id -> answer {kind}"
        return
    ids = [name for name, _ in pairs]
    wrong = [name for name, answer in pairs if not is_valid(answer)]
    yield from _named(wrong, f"answer is not a {kind}")
    repeated = [name for name, times in Counter(ids).items() if times > 1]
    yield from _named(repeated, "id occurs more than once")
    if rows is not None:
        wanted = [row["id"] for row in rows]
        yield from _named(sorted(set(wanted) - set(ids)), "no answer, which scores 0")
        yield from _named(sorted(set(ids) - set(wanted)), "not a question of the test set")


def _named(names: Sequence[str], what: str) -> Iterator[str]:
    if names:
        more = f" (and {len(names) - 1} more such questions)" if len(names) > 1 else ""
        yield f"question '{names[0]}': {what}{more}"


_CHECKS: dict[str, tuple[str, Check]] = {
    "xnli": ("tsv", _labels(_NLI)),
    "pawsx": ("tsv", _labels(("0", "1"))),
    "udpos": ("tsv", _tags(_UPOS)),
    "panx": ("tsv", _tags(_ENTITIES)),
    "xquad": ("json", _answers),
    "mlqa": ("json", _answers),
    "tydiqa": ("json", _answers),
    "bucc2018": ("tsv", _pairs),
    "tatoeba": ("tsv", _positions),
    "ccg": ("tsv", _tags([str(number) for number in range(1363)])),  # numbers as in jiant
    "udparse": ("conllu", conllu.problems),  # ours: XTREME has no parsing
    "lareqa": ("json", _rankings),
    "mewslix": ("json", _rankings),
    "xcopa": ("jsonl", _choices),
}
CHECKED = frozenset(_CHECKS)  # tasks whose layout is known here
