"""The numbers behind the plots, as rows: what is drawn, and what a reader downloads."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from xstilts.publish.board.evaluations import ENGLISH
from xstilts.publish.board.total import mean_name
from xstilts.tasks.languages import LANGUAGES

Board = Mapping[str, Any]
Record = Mapping[str, Any]
Row = dict[str, Any]
_POINTS = 30  # of a learning curve


def csv_text(rows: Sequence[Row]) -> str:
    """Rows as a CSV file; all have the columns of the first one."""
    stream = StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def changes(board: Board) -> list[Row]:
    """Per run and task, and on the mean, the difference to the baseline with its interval.

    The tasks of the mean come first, then the mean, then the tasks that are in no mean.
    """
    averaged, mean = board["total"]["tasks"], mean_name(board["total"])
    rows = []
    for record in compared(board):
        tasks = record["tasks"]
        own = {task: tasks[task] for task in averaged if task in tasks}
        own[mean] = record["average"]
        own |= {task: score for task, score in tasks.items() if task not in averaged}
        rows += [_change(record, of, score["delta"]) for of, score in own.items() if score["delta"]]
    return rows


def compared(board: Board) -> list[Record]:
    """The records of the summary that are compared with a baseline on anything."""
    return [
        record
        for record in plain(board)
        if record["average"] and any(score["delta"] for score in record["tasks"].values())
    ]


def plain(board: Board) -> list[Record]:
    """The records that are no controls, the baseline of every model first."""
    own = [record for record in board["summary"] if record["control_of"] is None]
    order = list(dict.fromkeys(record["model"] for record in own))
    return sorted(own, key=lambda r: (order.index(r["model"]), r["recipe"] != board["baseline"]))


def called(rows: Sequence[Row], board: Board) -> list[Row]:
    """Rows with the name of their run: its recipe, and among several models its model."""
    several = len({record["model"] for record in plain(board)}) > 1
    return [
        row | {"run": f"{row['recipe']}, {row['model']}" if several else row["recipe"]}
        for row in rows
    ]


def by_language(board: Board) -> list[Row]:
    """Per run, task and language the score, and the difference to the baseline's."""
    rows = []
    for record, reference in _with_reference(board):
        for task, own in record["tasks"].items():
            before = reference["tasks"].get(task, {}).get("languages", {})
            rows += [
                _run(record)
                | {"task": task, "language": code, "value": value}
                | {"delta": _less(value, before.get(code))}
                for code, value in own["languages"].items()
            ]
    return rows


def by_family(board: Board) -> list[Row]:
    """Per run and family the mean score and the difference to the baseline's.

    Means are over the tasks of the study's average that have languages of the family, each the
    mean over these. Languages that any training saw are left out; runs that lack a task too.
    """
    found = []
    for record, reference in _with_reference(board):
        own, before = _families(board, record), _families(board, reference)
        for family, (value, codes, tasks) in own.items():
            old = before.get(family)
            found.append(
                _run(record)
                | {"family": family, "languages": " ".join(codes), "tasks": tasks, "value": value}
                | {"delta": _less(value, old[0] if old else None)}
            )
    return found


def ranks(board: Board) -> list[Row]:
    """Per model, kind of judge and recipe the mean rank with its interval; the best first."""
    statistics = board["statistics"] or {"hierarchy": []}
    return [
        {"model": own["model"], "by": own["by"], "judges": len(own["judges"])}
        | {"recipe": recipe, "rank": rank["value"], "low": rank["low"], "high": rank["high"]}
        for own in statistics["hierarchy"]
        for recipe, rank in sorted(own["ranks"].items(), key=lambda item: item[1]["value"])
    ]


def gaps(board: Board) -> list[Row]:
    """Per task and run the English score, the zero-shot mean, and what lies between them."""
    return [
        _run(record)
        | {"task": task}
        | {name: record["tasks"][task][name] for name in ("english", "zero_shot", "gap")}
        for task in board["metrics"]
        for record in plain(board)
        if task in record["tasks"] and record["tasks"][task]["gap"] is not None
    ]


def curves(board: Board, field: str) -> list[Row]:
    """A row per step of a training with its `field`, "dev" or "loss"; of long curves a part.

    Every training has its first and its last step; `kept` is the one whose model was kept.
    """
    rows = []
    for own in board["curves"]:
        run = {name: own[name] for name in ("phase", "task", "model", "recipe", "seed")}
        points = [point for point in own["points"] if point[field] is not None]
        rows += [
            run
            | {"step": point["step"], "value": point[field]}
            | {"kept": point["step"] == own["best_step"]}
            for point in _thinned(points)
        ]
    return rows


def side_by_side(rows: Sequence[Row]) -> list[Row]:
    """Learning curves with a column per run and a row per step, which is a smaller file."""
    names = {_run_name(row): "" for row in rows}
    found: dict[tuple[str, str, int], Row] = {}
    for row in rows:
        place = {name: row[name] for name in ("phase", "task", "step")}
        found.setdefault(tuple(place.values()), place | names)[_run_name(row)] = row["value"]
    return [found[place] for place in sorted(found)]


def costs(board: Board) -> list[Row]:
    """Per phase its stages, and planned and used device-hours; planned may be unknown."""
    phases = board["cost"]["phases"] if board["cost"] else {}
    names = ("stages", "planned_hours", "used_hours")
    return [{"phase": phase} | {name: own[name] for name in names} for phase, own in phases.items()]


def _change(record: Record, of: str, delta: Record) -> Row:
    names = ("value", "low", "high", "p", "p_holm", "direction")
    return _run(record) | {"on": of} | {name: delta[name] for name in names}


def _run(record: Record) -> Row:
    return {"model": record["model"], "recipe": record["recipe"]}


def _run_name(row: Row) -> str:
    return f"{row['recipe']} {row['model']} {row['seed']}"


def _thinned(points: Sequence[Any]) -> list[Any]:
    """At most about `_POINTS` of them, evenly, the last one among them."""
    every = -(-len(points) // _POINTS)
    kept = list(points[::every]) if points else []
    return kept if not kept or kept[-1] is points[-1] else [*kept, points[-1]]


def _with_reference(board: Board) -> Iterator[tuple[Record, Record]]:
    """Every record with the baseline's of its model."""
    records = plain(board)
    for record in records:
        yield record, next(own for own in records if own["model"] == record["model"])


def _families(board: Board, record: Record) -> dict[str, tuple[float, list[str], int]]:
    """Family -> mean score, languages, number of tasks; empty where the run lacks a task."""
    tasks = board["total"]["tasks"]
    if any(task not in record["tasks"] for task in tasks):
        return {}
    seen = seen_languages(board)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for task in tasks:
        for code, value in record["tasks"][task]["languages"].items():
            if code not in seen:
                own = found.setdefault(LANGUAGES[code].family, {})
                own.setdefault(task, {})[code] = value
    return {
        family: (
            _mean([_mean(list(values.values())) for values in own.values()]),
            sorted({code for values in own.values() for code in values}),
            len(own),
        )
        for family, own in sorted(found.items())
    }


def seen_languages(board: Board) -> set[str]:
    """English, and every other language in which a recipe was trained."""
    recipes = board["provenance"]["training"]["recipes"].values()
    return {ENGLISH} | {source["language"] for sources in recipes for source in sources}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _less(value: float, before: float | None) -> float | None:
    return None if before is None else round(value - before, 4)
