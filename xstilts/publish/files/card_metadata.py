"""The head of the model card, which the Hugging Face hub reads."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xstilts.publish.files.licences import OWN, Part
from xstilts.tasks.table import TASKS

Board = Mapping[str, Any]
Record = Mapping[str, Any]

WORLD = "xstilts-world"  # no hub id: these are not the benchmark's own data
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


def metadata(board: Board, record: Record | None, used: Sequence[Part]) -> dict[str, Any]:
    """The fields of a card; `record` is the run's summary, `used` its backbone, then its data.

    `license` is one of the hub's names where one licence holds for all that went in, else
    "other": the card's text has them all. Without a run there are no results.
    """
    found: dict[str, Any] = {
        "language": sorted({cell["language"] for cell in board["cells"]}),
        "library_name": "transformers",
        "tags": ["xtreme", "cross-lingual", "zero-shot", "intermediate-task-training"],
    }
    if record is None:
        return found
    start, *data = used
    found |= _licence(used)
    if start.hubs:
        found["base_model"] = start.hubs[0]
    found["datasets"] = sorted({hub for own in data for hub in own.hubs}) or [WORLD]
    name = f"{board['study']}-{record['model']}-{record['recipe']}"
    return found | {"model-index": [{"name": name, "results": list(_results(board, record))}]}


def _licence(used: Sequence[Part]) -> dict[str, str]:
    licences = {own.licence for own in used}
    if licences <= {OWN}:
        return {"license": OWN}
    return {"license": "other", "license_name": "licences-of-its-data"}


def _results(board: Board, record: Record) -> Iterator[dict[str, Any]]:
    for task, own in record["tasks"].items():
        metric, count = board["metrics"][task], len(own["languages"])
        yield {
            "task": {"type": _HUB_TASKS[TASKS[task].format], "name": TASKS[task].format},
            "dataset": {"name": task, **_data_set(board, task), "split": "test"},
            "metrics": [
                {
                    "type": _HUB_METRICS.get(metric, "f1"),
                    "name": f"{metric}, mean over {count} languages",
                    "value": round(own["value"], 2),
                }
            ],
        }


def _data_set(board: Board, task: str) -> dict[str, str]:
    """The data set of a task's test rows; the hub tells results apart by type and config."""
    if board["source"] == "world":
        return {"type": WORLD, "config": task}
    source = TASKS[task].source
    return {"type": source.hub, "config": source.config.replace("{lang}", "*")}
