"""Predicted trees as CoNLL-U, so that the CoNLL 2018 evaluation script can read them.

There is no official layout of parses in XTREME. Each word of the test set has one line of ten
columns with its number, form, head and relation, the rest `_`; a blank line ends a sentence,
as CoNLL-U wants it. Multi-word tokens are not written: the script compares the forms, so its
gold file must leave them out too.
"""

from collections.abc import Iterator, Sequence
from typing import Any

Rows = Sequence[dict[str, Any]]
Tree = Sequence[tuple[int, str]]
_COLUMNS, _HEAD, _RELATION = 10, 6, 7


def write_trees(name: str, predictions: Sequence[Tree], rows: Rows) -> str:
    """The file's text; raises `ValueError` for a tree that does not fit its row."""
    return "".join(
        _sentence(name, tree, row) + "\n" for tree, row in zip(predictions, rows, strict=True)
    )


def _sentence(name: str, tree: Tree, row: dict[str, Any]) -> str:
    tokens = row["tokens"]
    if len(tree) != len(tokens):
        raise ValueError(
            f"{name}, sentence {row['id']}: {len(tree)} predicted heads for {len(tokens)} words"
        )
    lines = [f"# sent_id = {' '.join(row['id'].split())}"]
    for number, (token, (head, relation)) in enumerate(zip(tokens, tree, strict=True), start=1):
        form = " ".join(token.split()) or "_"
        lines.append("\t".join([str(number), form, *"____", str(head), relation, *"__"]))
    return "".join(f"{line}\n" for line in lines)


def read_trees(text: str) -> list[list[tuple[int, str]]]:
    """The inverse of `write_trees`."""
    return [
        [(int(columns[_HEAD]), columns[_RELATION]) for columns in sentence]
        for sentence in _sentences(text)
    ]


def _sentences(text: str) -> list[list[list[str]]]:
    blocks = (block.split("\n") for block in text.removesuffix("\n\n").split("\n\n"))
    return [[line.split("\t") for line in block if not line.startswith("#")] for block in blocks]


def problems(text: str, rows: Rows | None) -> Iterator[str]:
    """What is wrong with a file of trees, in words; with `rows` their words are compared too."""
    if not text.endswith("\n\n"):
        yield "the last sentence does not end with a blank line"
        return
    sentences = _sentences(text)
    if rows is not None and len(sentences) != len(rows):
        yield f"{len(sentences)} sentences for {len(rows)} test sentences"
    for number, sentence in enumerate(sentences, start=1):
        found = _line_problem(sentence)
        if rows is not None and number <= len(rows) and not found:
            words = len(rows[number - 1]["tokens"])
            found = "" if len(sentence) == words else f"{len(sentence)} lines for {words} words"
        if found:
            yield f"sentence {number}: {found}"


def _line_problem(sentence: list[list[str]]) -> str:
    for place, columns in enumerate(sentence, start=1):
        if len(columns) != _COLUMNS or columns[0] != str(place):
            return f"word {place} has no line of ten columns that starts with {place}"
        head = columns[_HEAD]
        if not head.isdecimal() or int(head) > len(sentence):
            return f"word {place} has the head {head!r}, which is none of 0..{len(sentence)}"
    roots = sum(columns[_HEAD] == "0" for columns in sentence)
    return "" if roots == 1 else f"{roots} roots instead of 1"
