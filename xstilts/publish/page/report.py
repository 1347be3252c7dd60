"""The report: one HTML page that needs nothing but itself.

Everything on it comes from the scoreboard and the examples, so it can be drawn again from
`scores.json` and `examples.json`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xstilts.publish.board.shortcuts import CLEAR_MARGIN
from xstilts.publish.board.total import mean_name
from xstilts.publish.page import plot_data
from xstilts.publish.page.environment import environment
from xstilts.publish.page.example_items import MARKS, example_items
from xstilts.publish.page.facts import data_notes, facts, origin, phases, tests
from xstilts.publish.page.figures import figures, language_heat
from xstilts.publish.page.names import AUTONYMS, RIGHT_TO_LEFT, SCRIPTS
from xstilts.publish.words.answer import topics
from xstilts.publish.words.tables import tables
from xstilts.publish.words.wording import listed
from xstilts.tasks.languages import LANGUAGES

Board = Mapping[str, Any]
Record = Mapping[str, Any]
_SETTINGS = {"english": "English", "zero_shot": "zero-shot"}
_TITLES = {  # of what follows, in the order of an answer
    "best": "The best recipe for each target",
    "models": "Between models",
    "comparisons": "Declared comparisons",
    "languages": "Between languages",
    "ranking": "Ranking of the recipes",
    "power": "What the seeds can show",
}
_METRICS = {
    "accuracy": "accuracy",
    "accuracy_f1": "(accuracy + F1) / 2",
    "chunk_f1": "chunk F1",
    "entity_f1": "entity F1",
    "squad": "(F1 + EM) / 2",
    "mlqa": "(F1 + EM) / 2",
    "mining_f1": "F1",
    "squad_v2": "(F1 + EM) / 2",
    "pearson_spearman": "(Pearson + Spearman) / 2",
    "tag_accuracy": "accuracy",
    "las": "LAS",
    "map@20": "mAP@20",
}


_SECTIONS = {
    "changes": "What changed",
    "follows": "What follows",
    "scores": "Scores",
    "transfer": "Transfer",
    "shortcuts": "Is it a shortcut?",
    "languages": "Languages",
    "families": "Families",
    "examples": "Examples",
    "training": "Training",
    "cost": "Cost",
    "provenance": "Provenance",
}
_CURVES = {
    "dev_before": "English dev score in intermediate training",
    "loss": "Training loss in fine-tuning",
    "loss_before": "Training loss in intermediate training",
}


def render(board: Board, examples: Sequence[Record] = ()) -> str:
    """The page as HTML text; `examples` as `examples.json` lists them."""
    drawn, follows, by_family = figures(board), tables(board), families(board)
    chosen = example_items(examples)
    present = {"changes": drawn["changes"], "follows": follows, "shortcuts": board["shortcuts"]}
    present |= {"families": by_family, "examples": chosen}
    page = environment().get_template("report.html.j2")
    text = page.render(
        board=board,
        sections=sections(board, present),
        topics=topics(board),
        titles=_TITLES,
        follows=follows,
        figures=drawn,
        language_heat=language_heat(board),
        language_csv=plot_data.csv_text(plot_data.by_language(board)),
        families=by_family,
        examples=chosen,
        marks=MARKS,
        curves=_CURVES,
        mean_name=mean_name(board["total"]),
        languages=LANGUAGES,
        settings=_SETTINGS,
        metrics=_METRICS,
        clear_margin=CLEAR_MARGIN,
        phases=phases(board["provenance"]["seconds"]),
        tests=tests(board),
        origin=origin,
        data_notes=data_notes(board),
        scripts=SCRIPTS,
        autonyms=AUTONYMS,
        rtl=RIGHT_TO_LEFT,
        **rows_and_columns(board),
        **facts(board),
    )
    return text + "\n"


def sections(board: Board, present: Mapping[str, Any]) -> dict[str, str]:
    """Names and titles of the sections that have something to show, in their order.

    What follows comes first where the study asks for it.
    """
    shown = {name: title for name, title in _SECTIONS.items() if present.get(name, True)}
    if board["asks"] != "gains" and "follows" in shown:
        return {"follows": shown.pop("follows")} | shown
    return shown


def rows_and_columns(board: Board) -> dict[str, Any]:
    """How the tables of scores are laid out: a row per run, columns of tasks by their group."""
    records = plot_data.plain(board)
    columns = dict(board["groups"])
    if board["beyond"]:
        columns[f"beyond {board['benchmark'].upper()}"] = board["beyond"]
    return {
        "records": records,
        "several": len({record["model"] for record in records}) > 1,
        "columns": columns,
        "grouped": [group for group, tasks in board["groups"].items() if len(tasks) > 1],
        "tables": language_tables(board, records),
    }


def language_tables(board: Board, records: Sequence[Record]) -> list[tuple[str, str, list[Record]]]:
    """Task, model and its records that have the task: one table of languages each."""
    models = dict.fromkeys(record["model"] for record in records)
    found = [
        (task, model, [own for own in records if own["model"] == model and task in own["tasks"]])
        for model in models
        for task in board["metrics"]
    ]
    return [own for own in found if own[2]]


def families(board: Board) -> dict[str, dict[str, Any]]:
    """Family -> names of its languages, number of tasks, and the row of each run."""
    rows = plot_data.by_family(board)
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        names = [LANGUAGES[code].name for code in row["languages"].split()]
        own = {"languages": listed(names), "tasks": row["tasks"], "runs": {}}
        found.setdefault(row["family"], own)["runs"][row["model"], row["recipe"]] = row
    return found
