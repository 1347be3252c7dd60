"""Adding a task of a known format is one record and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
import tiny_rows
import tiny_trees
from whole_way import go, study_of

from xstilts.data import canonical
from xstilts.data.canonical import data_path
from xstilts.files import read_json
from xstilts.tasks.check import problems
from xstilts.tasks.record import Source, Task
from xstilts.tasks.table import BENCHMARKS, TASKS

LANGUAGES = ("de", "en")
SPLITS = {"train": 96, "validation": 24, "test": 24}
HUB = "somebody/something"
ABOUT: dict[str, Any] = {"licence": "CC0", "reference": "written for a test"}
# enough for the tiny model to learn the rule of the rows
TRAINING = {"learning_rate": 2e-3, "batch_size": 8, "epochs": 25, "evals": 5}


def publish(root: Path, make: Any) -> Path:
    """A data set in the hub's layout: a card, and JSON lines per config (language) and split."""
    folder, configs = root / HUB, []
    for lang in LANGUAGES:
        configs += [f"- config_name: {lang}", "  data_files:"]
        for number, (split, size) in enumerate(SPLITS.items()):
            path = folder / lang / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = (json.dumps(row, ensure_ascii=False) for row in make(size, number))
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            configs += [f"  - split: {split}", f"    path: {lang}/{split}.jsonl"]
    card = "\n".join(["---", "configs:", *configs, "---", ""])
    (folder / "README.md").write_text(card, encoding="utf-8")
    return root


def record(
    format: str, metric: str, columns: dict[str, str], names: tuple[str, ...] = (), **fields: Any
) -> Task:
    """The one thing that a person writes."""
    source = Source(
        hub=HUB,
        config="{lang}",
        splits={"train": "train", "dev": "validation", "test": "test"},
        columns=columns,
        labels=names,
    )
    return Task(
        name="something",
        format=format,
        source=source,
        languages=LANGUAGES,
        metric=metric,
        **fields,
        **ABOUT,
    )


def reviews(count: int, seed: int) -> list[dict[str, Any]]:
    """Labels as texts; the label says whether a word of the first text recurs in the second."""
    names = ("other", "same")
    return [
        {"first": row["text_a"], "second": row["text_b"], "verdict": names[row["label"]]}
        for row in tiny_rows.pair_rows(count, seed)
    ]


def places(count: int, seed: int) -> list[dict[str, Any]]:
    """Tags as texts."""
    names = ("O", "B-LOC", "I-LOC")
    return [
        {"words": row["tokens"], "kinds": [names[tag] for tag in row["tags"]]}
        for row in tiny_rows.tag_rows(count, seed)
    ]


def trees(count: int, seed: int) -> list[dict[str, Any]]:
    """Heads as numbers, relations as texts."""
    return [
        {
            "words": row["tokens"],
            "governors": row["heads"],
            "kinds": [tiny_trees.RELATIONS[kind] for kind in row["relations"]],
        }
        for row in tiny_trees.tree_rows(count, seed)
    ]


def questions(count: int, seed: int) -> list[dict[str, Any]]:
    """The hub's answers: texts and their offsets side by side."""
    return [
        {
            "number": f"{seed}-{row['id']}",
            "text": row["context"],
            "asked": row["question"],
            "replies": {
                "text": [answer["text"] for answer in row["answers"]],
                "answer_start": [answer["start"] for answer in row["answers"]],
            },
        }
        for row in tiny_rows.span_rows(count, seed)
    ]


def riddles(count: int, seed: int) -> list[dict[str, Any]]:
    """The right choice as a letter."""
    return [
        {"riddle": row["prompt"], "options": row["choices"], "key": "ABC"[row["label"]]}
        for row in tiny_rows.choice_rows(count, seed)
    ]


CASES = {
    "classification": (
        reviews,
        record(
            "classification",
            "accuracy",
            {"text_a": "first", "text_b": "second", "label": "verdict"},
            labels=("same", "other"),  # our order need not be the source's
        ),
        75,
    ),
    "tagging": (
        places,
        record(
            "tagging",
            "entity_f1",
            {"tokens": "words", "tags": "kinds"},
            labels=("O", "B-LOC", "I-LOC"),
        ),
        75,
    ),
    "parsing": (
        trees,
        record(
            "parsing",
            "las",
            {"tokens": "words", "heads": "governors", "relations": "kinds"},
            labels=tiny_trees.RELATIONS,
        ),
        75,
    ),
    "span_qa": (
        questions,
        record(
            "span_qa",
            "squad",
            {"id": "number", "context": "text", "question": "asked", "answers": "replies"},
        ),
        60,
    ),
    "multiple_choice": (
        riddles,
        record(
            "multiple_choice",
            "accuracy",
            {"prompt": "riddle", "choices": "options", "label": "key"},
            names=("A", "B", "C"),
            choices=3,
        ),
        60,
    ),
}


@pytest.mark.parametrize("format", CASES)
def test_one_record_is_all_a_new_task_needs(format, tmp_path, monkeypatch):
    make, task, expected = CASES[format]
    mirror = publish(tmp_path / "hub", make)
    monkeypatch.setitem(TASKS, task.name, task)
    assert problems(TASKS, BENCHMARKS) == []

    monkeypatch.chdir(tmp_path)
    study = study_of(task.name, source="mirror", mirror=str(mirror), training=TRAINING)
    scores = go(study)
    assert set(scores["languages"]) == set(LANGUAGES)
    assert all(cell["n"] == SPLITS["test"] for cell in scores["languages"].values())
    values = [cell["value"] for cell in scores["languages"].values()]
    assert min(values) > expected, values
    about = read_json(Path("data", task.name, "provenance.json"))["files"]
    assert about[f"{task.name}/test/de.arrow"]["hub"] == HUB
    assert len(canonical.rows(data_path(Path("data", task.name), task.name, "train", "en"))) == 96
