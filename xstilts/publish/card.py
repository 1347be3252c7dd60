"""The model card: README.md with metadata that the Hugging Face hub understands."""

from collections.abc import Mapping
from typing import Any

import yaml

from xstilts.publish.answer import sentences
from xstilts.publish.evaluations import Cell
from xstilts.publish.report import foreign_languages
from xstilts.publish.total import is_own
from xstilts.publish.wording import points, signed
from xstilts.tasks.table import TASKS

Board = Mapping[str, Any]
Record = Mapping[str, Any]

_HUB_TASKS = {
    "classification": "text-classification",
    "regression": "text-classification",
    "tagging": "token-classification",
    "parsing": "token-classification",
    "span_qa": "question-answering",
    "multiple_choice": "multiple-choice",
    "retrieval": "sentence-similarity",
    "mining": "sentence-similarity",
    "dual_encoder": "sentence-similarity",
    "entity_linking": "sentence-similarity",
}
_HUB_METRICS = {  # all others: f1
    "accuracy": "accuracy",
    "squad": "squad",
    "mlqa": "squad",
    "squad_v2": "squad_v2",
    "map@20": "map",
    "las": "las",
    "tag_accuracy": "accuracy",
    "pearson_spearman": "pearsonr",
}
WORLD = "xstilts-world"  # no hub id: these are not the benchmark's own data


def model_card(board: Board, best: Cell) -> str:
    """The card of the study's best run by average, `best` being one of its cells."""
    identity = (best.model, best.recipe)
    record = next(r for r in board["summary"] if (r["model"], r["recipe"]) == identity)
    metadata = yaml.safe_dump(_metadata(board, record), allow_unicode=True, sort_keys=False)
    return f"---\n{metadata}---\n\n{_text(board, record, best)}"


def _metadata(board: Board, record: Record) -> dict[str, Any]:
    return {
        "language": sorted({cell["language"] for cell in board["cells"]}),
        "library_name": "transformers",
        "tags": ["xtreme", "cross-lingual", "zero-shot", "intermediate-task-training"],
        "datasets": sorted({_data_set(board, task) for task in board["metrics"]}),
        "model-index": [
            {
                "name": f"{board['study']}-{record['model']}-{record['recipe']}",
                "results": [_result(board, task, record) for task in board["metrics"]],
            }
        ],
    }


def _data_set(board: Board, task: str) -> str:
    return WORLD if board["source"] == "world" else TASKS[task].source.hub


def _result(board: Board, task: str, record: Record) -> dict[str, Any]:
    metric = board["metrics"][task]
    return {
        "task": {"type": _HUB_TASKS[TASKS[task].format]},
        "dataset": {"name": task, "type": _data_set(board, task), "split": "test"},
        "metrics": [
            {
                "type": _HUB_METRICS.get(metric, "f1"),
                "name": f"{metric}, mean over languages",
                "value": round(record["tasks"][task]["value"], 2),
            }
        ],
    }


def _text(board: Board, record: Record, best: Cell) -> str:
    intermediate = ", ".join(board["recipes"][record["recipe"]]) or "no intermediate task"
    foreign = foreign_languages(board, record["recipe"])
    spoken = "all in English;\nother languages are zero-shot"
    if foreign:
        spoken = f"the targets in English;\nthe intermediate training saw {', '.join(foreign)}"
    average, total = record["average"], board["total"]
    mean = "mean of its targets" if is_own(total) else "average"
    beyond = [task for task in record["tasks"] if task not in total["tasks"]]
    rows = [
        *(_row(task, record["tasks"][task]) for task in total["tasks"]),
        f"| **{mean}** | **{points(average['value'])}** | | {_delta(average)} |",
        *(_row(f"{task} (in no average)", record["tasks"][task]) for task in beyond),
    ]
    first, *others = sentences(board)
    also = "".join(f"- {sentence}\n" for sentence in others)
    return f"""# {record["model"]}, {record["recipe"]}

{board["question"]} {first}

{also}
This is the run with the best {mean} of study `{board["study"]}`, chosen on the test scores:
backbone `{record["model"]}`, then {intermediate}, then each target task, {spoken}. \
{board["data_note"]}

| task | score | zero-shot mean | against `{board["baseline"]}` |
|---|---|---|---|
{chr(10).join(rows)}

- `index.html`: the report. `scores.json`: every score, difference and hash behind it.
{_bundle(board, best)}- `predictions/`: predictions of every model, recipe and seed.
"""


def _bundle(board: Board, best: Cell) -> str:
    if is_own(board["total"]):
        return ""
    return f"- `submission/`: predictions of seed {best.seed} in the official XTREME layout.\n"


def _row(name: str, scores: Record) -> str:
    zero_shot = _optional(scores["zero_shot"])
    return f"| {name} | {points(scores['value'])} | {zero_shot} | {_delta(scores)} |"


def _optional(value: float | None) -> str:
    return "–" if value is None else points(value)


def _delta(scores: Record) -> str:
    delta = scores["delta"]
    if delta is None:
        return "–"
    return f"{signed(delta['value'])} ({points(delta['low'])} to {points(delta['high'])})"
