"""What follows from a study's statistics as tables, for the page and for the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xstilts.publish.board.statistics import AVERAGE, UNSEEN
from xstilts.publish.board.total import mean_name
from xstilts.publish.words.wording import (
    chance,
    claimed,
    decimals,
    listed,
    named,
    points,
    signed,
    span,
)
from xstilts.study.statistics.power import POWER
from xstilts.tasks.languages import LANGUAGES

Board = Mapping[str, Any]
Record = Mapping[str, Any]
Number = tuple[str, str]  # a number, and what stands below it: its interval, or nothing
DIFFERENCE = ("difference", "after Holm")
NONE: Number = ("–", "")
_LONG = 12  # rows up to which a table shows those that claim nothing
_JUDGES = {"task": "by task", "family": "by family", "language": "by language"}


@dataclass(frozen=True)
class Row:
    """Names, numbers as text, and what is claimed: more (+1), less (-1) or nothing (0)."""

    names: tuple[str, ...]
    numbers: tuple[Number, ...]
    direction: int = 0


@dataclass(frozen=True)
class Table:
    """Rows of one `kind` under their heads; `folded` ones are shown on demand."""

    kind: str
    caption: str
    names: tuple[str, ...]
    numbers: tuple[str, ...]
    rows: tuple[Row, ...]
    folded: tuple[Row, ...] = ()


def tables(board: Board) -> dict[str, list[Table]]:
    """By what a study can ask, and `power`; each has rows."""
    statistics = board["statistics"]
    if statistics is None:
        return {}
    several = len(statistics["power"]) > 1
    found = {
        "best": [_best(statistics["best"], board["summary"])],
        "models": [_models(statistics["models"])],
        "comparisons": [_comparisons(statistics["comparisons"], mean_name(board["total"]))],
        "languages": [
            _similarity(statistics["similarity"]),
            _languages(statistics["languages"]),
        ],
        "ranking": [_ranking(statistics["hierarchy"])],
        "power": [_power(statistics["power"])],
    }
    return {
        about: [
            table if several else _of_one_model(table)
            for table in own
            if table.rows or table.folded
        ]
        for about, own in found.items()
    }


def _of_one_model(table: Table) -> Table:
    """Without the column that says the same in every row."""
    if table.names[-1] != "model" or len(table.names) == 1:
        return table
    rows, folded = (
        tuple(replace(row, names=row.names[:-1]) for row in own)
        for own in (table.rows, table.folded)
    )
    return replace(table, names=table.names[:-1], rows=rows, folded=folded)


def _best(records: Sequence[Record], summary: Sequence[Record]) -> Table:
    """Every target with its recipe and what that gains, then their mean."""
    deltas = {
        (own["model"], own["recipe"], task): score["delta"]
        for own in summary
        for task, score in own["tasks"].items()
    }
    rows: list[Row] = []
    for own in records:
        for task, recipe in own["recipes"].items():
            names = (task, recipe, own["model"])
            delta = deltas[own["model"], recipe, task]
            rows.append(_difference(names, delta) if delta else Row(names, (NONE, NONE)))
        rows.append(_difference((f"mean of {len(own['tasks'])}", "", own["model"]), own))
    return Table(
        "best",
        "The recipe with the best English dev score of the fine-tuned model, the baseline among "
        "them, and what it gains in the test scores, in points. The mean takes the choice as "
        "given.",
        ("target", "recipe", "model"),
        DIFFERENCE,
        tuple(rows),
    )


def _models(records: Sequence[Record]) -> Table:
    rows = [_difference((own["recipe"], own["model"], own["other"]), own) for own in records]
    return Table(
        "models",
        "What a recipe gains for one model less what it gains for the other, in points: a "
        "difference of differences.",
        ("recipe", "for", "less for"),
        DIFFERENCE,
        *_folded(rows, [False] * len(rows)),
    )


def _comparisons(records: Sequence[Record], mean: str) -> Table:
    rows = [
        _difference(
            (
                f"{named(own['first'])} less {named(own['second'])}",
                mean if own["of"] == AVERAGE else own["of"],
                own["model"],
            ),
            own,
        )
        for own in records
    ]
    groups = {
        f"{name}: the mean over {listed(map(named, recipes))}.": None
        for own in records
        for name, recipes in zip((own["first"], own["second"]), own["recipes"], strict=True)
        if recipes != [name]
    }
    caption = "Scores of the first side less those of the second, in points."
    return Table(
        "comparisons",
        " ".join([caption, *groups]),
        ("comparison", "on", "model"),
        DIFFERENCE,
        *_folded(rows, [own["of"] == AVERAGE for own in records]),
    )


def _languages(records: Sequence[Record]) -> Table:
    ordered = sorted(records, key=lambda own: (not claimed(own), -abs(own["value"])))
    rows = [_difference((own["recipe"], _group(own), own["model"]), own) for own in ordered]
    return Table(
        "languages",
        "What a recipe gains in a group of languages less what it gains in all others, in points.",
        ("recipe", "languages", "model"),
        DIFFERENCE,
        *_folded(rows, [False] * len(rows)),
    )


def _similarity(records: Sequence[Record]) -> Table:
    """Of each model the correlation, and the difference in points."""
    rows = []
    for own in records:
        count, model = len(own["targets"]), own["model"]
        if own["rho"] is not None:
            numbers = (decimals(own["rho"]), f"{decimals(own['low'])} to {decimals(own['high'])}")
            row = (f"similar to its source (ρ, {count} languages)", model)
            rows.append(Row(row, (numbers, (chance(own["p_holm"]), "")), claimed(own)))
        if own["family"]:
            rows.append(_difference(("of its source’s family (points)", model), own["family"]))
    return Table(
        "similarity",
        "Does a language gain more that is similar to one in which the recipe was trained? "
        "Spearman’s rank correlation of gain and similarity of syntax, and what languages of the "
        "same family gain more than others.",
        ("a target language", "model"),
        DIFFERENCE,
        tuple(rows),
    )


def _group(own: Record) -> str:
    if own["group"] != UNSEEN:
        return str(own["group"])
    return f"all but {listed(LANGUAGES[code].name for code in own['seen'])}"


def _ranking(records: Sequence[Record]) -> Table:
    """A column for each kind of judge."""
    kinds = [by for by in _JUDGES if any(own["by"] == by for own in records)]
    found = {(own["model"], own["by"]): own for own in records}
    rows: list[Row] = []
    for model in dict.fromkeys(own["model"] for own in records):
        judged = [found[model, by] for by in kinds]
        order = found.get((model, "family"), judged[0])["ranks"]
        rows += [
            Row((recipe, model), tuple(_rank(own["ranks"][recipe]) for own in judged))
            for recipe in sorted(order, key=lambda name: order[name]["value"])
        ]
        agreement = tuple((f"{own['w']:.2f}", chance(own["p"])) for own in judged)
        rows.append(Row(("Kendall’s W", model), agreement))
    return Table(
        "ranking",
        "Mean rank, 1 the best, and its interval, in which noise draws near equals together. "
        "Kendall’s W is 0 where judges do not agree and 1 where all rank alike; p is the chance of "
        "as much agreement if each ranked at random. It takes judges for independent: those that "
        "judge the same training runs are not.",
        ("recipe", "model"),
        tuple(f"{_JUDGES[by]} ({_judges(records, by)})" for by in kinds),
        tuple(rows),
    )


def _judges(records: Sequence[Record], by: str) -> int:
    """How many there are, the same for every model."""
    return next(len(own["judges"]) for own in records if own["by"] == by)


def _rank(rank: Record) -> Number:
    return points(rank["value"]), f"{points(rank['low'])} to {points(rank['high'])}"


def _power(notes: Sequence[Record]) -> Table:
    rows = [
        Row((own["model"],), tuple((text, "") for text in (str(own["seeds"]), *_spread(own))))
        for own in notes
    ]
    return Table(
        "power",
        "How much a recipe’s mean gain varies between seeds (standard deviation), and the gain "
        f"that as many seeds would show in {POWER * 100:.0f} of 100 studies, in points.",
        ("model",),
        ("seeds", "varies by", "detectable gain"),
        tuple(rows),
    )


def _spread(note: Record) -> list[str]:
    values = note["spread"], note["detectable"]
    return ["–" if value is None else points(value) for value in values]


def _difference(names: tuple[str, ...], own: Record) -> Row:
    numbers = (signed(own["value"]), span(own, spelled_out=False)), (chance(own["p_holm"]), "")
    return Row(names, numbers, claimed(own))


def _folded(rows: Sequence[Row], kept: Sequence[bool]) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """Rows to show, and of a long table those to fold: they claim nothing and are not `kept`."""
    pairs = [
        (row, keep or row.direction != 0 or len(rows) <= _LONG)
        for row, keep in zip(rows, kept, strict=True)
    ]
    return tuple(row for row, show in pairs if show), tuple(row for row, show in pairs if not show)
