"""A study's evaluations made up from known accuracies, as the evaluate stages leave them."""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthetic_plan import sections

from xstilts.evaluation.examples import examples
from xstilts.evaluation.official import write_predictions
from xstilts.evaluation.score import score, write_items
from xstilts.evaluation.ways import Found
from xstilts.files import write_json
from xstilts.tasks.record import Task
from xstilts.tasks.table import TASKS

LANGUAGES = ("en", "ar", "de", "hi", "ja", "ru", "sw", "tr", "zh")
TARGETS = (
    *("pawsx", "xnli", "udpos", "panx", "xquad", "mlqa", "tydiqa"),
    *("bucc2018", "tatoeba"),
)
DIRECT = ("bucc2018", "tatoeba")  # evaluated without fine-tuning
Accuracy = Callable[[str, str, str, str, int], float]  # model, recipe, task, language, seed
Row = dict[str, Any]


def write_study(
    root: Path,
    accuracy: Accuracy,
    *,
    models: Sequence[str] = ("mini",),
    recipes: Mapping[str, Sequence[str]],
    targets: Sequence[str] = TARGETS,
    seeds: Sequence[int] = (0,),
    controls: Sequence[str] = ("untrained",),
    items: int = 40,
    benchmark: str = "xtreme",
) -> dict[str, Any]:
    """Write `evaluations/` under `root`; return the resolved params."""
    study = {
        "name": "made-up",
        "question": "Does training on English intermediate tasks help other languages?",
        "benchmark": benchmark,
        "baseline": "none",
        "source": {"kind": "world"},
        "models": list(models),
        "recipes": {name: list(tasks) for name, tasks in recipes.items()},
        "targets": list(targets),
        "seeds": list(seeds),
        "controls": list(controls),
    }
    params: dict[str, Any] = {"study": study} | sections(study, DIRECT, items)
    params["publish"] = {"cells": [], "shortcuts": []}
    grid = [(model, recipe) for model in models for recipe in recipes]
    grid += [(f"{model}-{control}", "none") for model in models for control in controls]
    for model, recipe in grid:
        for target in targets:
            for seed in seeds:
                _write_cell(root, params, accuracy, (model, recipe, target, seed), items)
    for target in targets:
        if target not in DIRECT:
            _write_shortcuts(root, params, target)
    return params


def evaluations(root: Path) -> Path:
    """Where the cells of `write_study` lie."""
    return root / "evaluations" / "made-up"


def languages_of(task: str) -> tuple[str, ...]:
    """The miniature study's languages of a task."""
    return tuple(code for code in LANGUAGES if code in TASKS[task].languages)


def _write_cell(
    root: Path,
    params: dict[str, Any],
    accuracy: Accuracy,
    cell: tuple[str, str, str, int],
    items: int,
) -> None:
    model, recipe, target, seed = cell
    task, key = TASKS[target], "-".join(map(str, cell))
    folder = evaluations(root) / key
    scores, kept, wrong = {}, {}, []
    english = test_rows(task, "en", items)
    for language in languages_of(target):
        rows = test_rows(task, language, items)
        probability = accuracy(model, recipe, target, language, seed)
        predictions = _predictions(task, rows, probability, f"{key} {language}")
        result = score(task, language, predictions, rows)
        scores[language] = {"value": result.value, "metrics": result.metrics}
        scores[language] |= {"n": len(result.items), "truncated": 1}
        kept[language] = result.items
        wrong += examples(task, language, Found(rows, predictions, {}), result.items, english)
        write_predictions(folder / "predictions", task, language, predictions, rows)
    write_items(folder / "items.parquet", kept)
    write_json(folder / "examples.json", {"examples": wrong})
    identity = {"model": model, "recipe": recipe, "target": target, "seed": seed}
    record = identity | {"metric": task.metric, "languages": scores, "seconds": 2.0}
    record |= {"device": "cpu"}
    data = {"files": {f"{target}/test/{lang}.arrow": _file(task, items) for lang in scores}}
    own = {"data": data, "training": _training(params["study"], recipe, target)}
    write_json(folder / "scores.json", record | {"provenance": own})
    params["publish"]["cells"].append(key)


def _training(study: Mapping[str, Any], recipe: str, target: str) -> dict[str, Any] | None:
    """`training.json` of the model that is evaluated: fine-tuned, intermediate, or backbone."""
    tasks = study["recipes"][recipe]
    before = _trained(tasks, recipe, 30.0, None) if tasks else None
    if target in DIRECT:
        return before
    task = TASKS[target].train_from or target
    dev = {"dev_score": 60.0 + list(study["recipes"]).index(recipe)}  # the last recipe is best
    return dev | _trained([task], task, 12.5, before)


def _trained(
    tasks: Sequence[str], data: str, seconds: float, before: dict[str, Any] | None
) -> dict[str, Any]:
    kept = {"features": 2000, "truncated_train": 3, "dev_rows": 100, "truncated_dev": 0}
    sources = {f"{task}/train/en.arrow": _file(TASKS[task], 2000) for task in tasks}
    own = {"tasks": dict.fromkeys(tasks, kept), "seconds": seconds, "before": before}
    own |= {"device": "cpu", "world_size": 1, "best_step": 60, "curve": _curve(seconds)}
    return own | {"data": f"data/{data}", "sources": sources}


def _curve(height: float) -> list[dict[str, Any]]:
    """A loss that falls from `height` to a tenth of it, with a dev score at every third point."""
    return [
        {"step": step, "loss": round(height * (0.1 + 0.9 * 0.96**step), 5)}
        | {"dev": min(60.0, 30.0 + step / 2) if step % 30 == 0 else None}
        for step in range(10, 91, 10)
    ]


def _file(task: Task, rows: int) -> dict[str, Any]:
    return {
        **{"source": "world", "hub": task.source.hub, "config": "made-up", "split": "train"},
        **{"revision": None, "rows": rows, "dropped": {}, "changed": {}},
        **{"sha256": "0" * 64, "notes": ["rows are generated"]},
    }


def _write_shortcuts(root: Path, params: dict[str, Any], target: str) -> None:
    values = {"majority": 30.0, "word-overlap": 45.0 if target != "pawsx" else 55.0}
    baselines = {name: dict.fromkeys(languages_of(target), value) for name, value in values.items()}
    folder = evaluations(root) / f"shortcuts-{target}"
    write_json(folder / "scores.json", {"task": target, "baselines": baselines})
    params["publish"]["shortcuts"].append(target)


def test_rows(task: Task, language: str, count: int) -> list[Row]:
    """Canonical rows of a format, as short as they can be."""
    return [_ROWS[task.format](task, language, index) for index in range(count)]


test_rows.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever its name says


def _predictions(task: Task, rows: list[Row], probability: float, seed: str) -> list[Any]:
    draw = random.Random(seed)
    right = [draw.random() < probability for _ in rows]
    pairs = list(zip(rows, right, strict=True))
    if task.format == "classification":
        return [r["label"] if ok else (r["label"] + 1) % len(task.labels) for r, ok in pairs]
    if task.format == "tagging":
        wrong = task.labels[0]
        return [[task.labels[t] if ok else wrong for t in row["tags"]] for row, ok in pairs]
    if task.format == "span_qa":
        return [row["answers"][0]["text"] if ok else "nothing" for row, ok in pairs]
    if task.format == "retrieval":
        return [index if ok else (index + 1) % len(rows) for index, ok in enumerate(right)]
    return [(r["id"], r["pair"]) for r, ok in pairs if ok and r["side"] == "foreign"]


def _classification(task: Task, language: str, index: int) -> Row:
    label = index % len(task.labels)
    text = _SENTENCES[language]
    return {"id": str(index), "text_a": text, "text_b": f"{text} ({index})", "label": label}


def _tagging(task: Task, language: str, index: int) -> Row:
    tags = [1 + (index + word) % (len(task.labels) - 1) for word in range(3)]
    return {"id": f"{language}-{index}", "tokens": ["a", "b", "c"], "tags": tags}


def _span_qa(task: Task, language: str, index: int) -> Row:
    text, question = f"{task.name} {index}", f"{_SENTENCES[language]}?"
    answers = [{"text": text, "start": 0}]
    context = f"{text}. {_SENTENCES[language]}."
    return {"id": f"{index}", "context": context, "question": question, "answers": answers}


def _retrieval(task: Task, language: str, index: int) -> Row:
    return {"id": str(index), "text_a": f"{language} {index}", "text_b": f"{task.name} {index:04}"}


def _mining(task: Task, language: str, index: int) -> Row:
    side, other = (language, "en") if index % 2 == 0 else ("en", language)
    pair = f"{other}-{index // 2:09}"
    names = {"id": f"{side}-{index // 2:09}", "text": task.name, "pair": pair}
    return names | {"side": "foreign" if side == language else "english"}


_SENTENCES = {
    "en": "the cat sees the old house",
    "ar": "القطة ترى البيت القديم",
    "de": "die Katze sieht das alte Haus",
    "hi": "बिल्ली पुराना घर देखती है",
    "ja": "猫が古い家を見る",
    "ru": "кошка видит старый дом",
    "sw": "paka anaona nyumba ya zamani",
    "tr": "kedi eski evi görüyor",
    "zh": "猫看见老房子",
}
_ROWS: dict[str, Callable[[Task, str, int], Row]] = {
    "classification": _classification,
    "tagging": _tagging,
    "span_qa": _span_qa,
    "retrieval": _retrieval,
    "mining": _mining,
}
