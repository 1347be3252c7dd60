"""The scores as Markdown tables, for pages that draw no HTML."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from xstilts.publish.board.total import mean_name
from xstilts.publish.words.answer import sentences
from xstilts.publish.words.wording import claimed, listed, points, signed, span

Board = Mapping[str, Any]
Record = Mapping[str, Any]
NOTHING = "–"


def scores_markdown(board: Board) -> str:
    """Question and answer; per model recipes by tasks, their differences, recipes by languages."""
    first, *others = sentences(board)
    parts = [f"# {board['study']}", f"{board['question']} **{first}**"]
    if others:
        parts.append("\n".join(f"- {sentence}" for sentence in others))
    parts += [board["data_note"], *_missing(board["missing"])]
    for model in dict.fromkeys(own["model"] for own in board["summary"] if not own["control_of"]):
        parts += _model(board, model)
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], names: int = 1) -> str:
    """A Markdown table: that many columns of names, which stand left, then numbers."""
    rule = ["---"] * names + ["---:"] * (len(head) - names)
    return "\n".join(f"| {' | '.join(_cells(row))} |" for row in (head, rule, *rows))


def _cells(row: Sequence[str]) -> list[str]:
    return [" ".join(cell.split()).replace("|", "\\|") for cell in row]


def _missing(cells: Sequence[Record]) -> Iterator[str]:
    if cells:
        names = [f"{c['model']} {c['recipe']} {c['target']} (seed {c['seed']})" for c in cells]
        yield f"**Not complete**: {len(cells)} evaluations are missing: {listed(names)}."


def _model(board: Board, model: str) -> Iterator[str]:
    records = [own for own in board["summary"] if model in (own["model"], own["control_of"])]
    tasks = list(board["metrics"])
    yield f"## {model}"
    head = ["recipe", *tasks, mean_name(board["total"])]
    yield table(head, ([_name(own), *map(_value, _scores(own, tasks))] for own in records))
    compared = [own for own in records if any(s and s["delta"] for s in _scores(own, tasks))]
    if compared:
        yield (
            f"Differences to `{board['baseline']}` with their intervals; bold: clear of zero after "
            "Holm's correction."
        )
        rows = ([_name(own), *map(_difference, _scores(own, tasks))] for own in compared)
        yield table(head, rows)
    for task in tasks:
        yield from _languages(task, [own for own in records if task in own["tasks"]])


def _name(record: Record) -> str:
    """A recipe, or the control that it is."""
    return str(record["model"] if record["control_of"] else record["recipe"])


def _scores(record: Record, tasks: Sequence[str]) -> list[Record | None]:
    return [*(record["tasks"].get(task) for task in tasks), record["average"]]


def _value(score: Record | None) -> str:
    return NOTHING if score is None or score["value"] is None else points(score["value"])


def _difference(score: Record | None) -> str:
    delta = score and score["delta"]
    if not delta:
        return NOTHING
    value = f"**{signed(delta['value'])}**" if claimed(delta) else signed(delta["value"])
    return f"{value} ({span(delta, spelled_out=False)})"


def _languages(task: str, records: Sequence[Record]) -> Iterator[str]:
    codes = list(dict.fromkeys(code for own in records for code in own["tasks"][task]["languages"]))
    if codes:
        values = ([own["tasks"][task]["languages"].get(code) for code in codes] for own in records)
        yield f"### {task}, by language"
        yield table(
            ["recipe", *codes],
            (
                [_name(own), *(NOTHING if v is None else points(v) for v in row)]
                for own, row in zip(records, values, strict=True)
            ),
        )
