"""The evaluate phase: a model folder and test data in, scores and predictions out.

Light to import; torch and transformers load when a model is evaluated.
"""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.evaluation.answer_index import AnswerIndex
from xstilts.evaluation.mining import mine
from xstilts.evaluation.official import write_predictions
from xstilts.evaluation.prepared import SCORES, Rows, prepared_rows
from xstilts.evaluation.retrieval import tatoeba_predictions
from xstilts.evaluation.score import Score, score, write_items
from xstilts.files import read_json, replaced_folder, sha256, write_json
from xstilts.tasks.record import Task

if TYPE_CHECKING:
    from xstilts.models.heads import TaskModel

ITEMS, PREDICTIONS = "items.parquet", "predictions"


@dataclass(frozen=True)
class Found:
    """Predictions for one language, and what is worth knowing about how they came about."""

    values: list[Any]
    notes: dict[str, Any]


def evaluate(entry: dict[str, Any], folder: Path) -> None:
    """Score a model on all languages of an `evaluate` entry of `params.yaml`.

    Writes `scores.json`, `items.parquet` and `predictions/` in the official layout; the
    folder appears whole or not at all. Raises `UserError` for a missing or damaged model
    or test set.
    """
    from xstilts.models.body import device
    from xstilts.models.checkpoint import load_model

    started = time.monotonic()
    task, data, model_dir = (
        Task.from_dict(entry["task"]),
        Path(entry["data"]),
        Path(entry["model_dir"]),
    )
    model, tokenizer = load_model(model_dir)
    model.to(device())
    languages: dict[str, dict[str, Any]] = {}
    items = {}
    tests = {lang: prepared_rows(data, task.name, "test", lang) for lang in task.languages}
    index = None
    if task.format == "dual_encoder":
        index = AnswerIndex.of(model, tokenizer, entry["head"], task, tests)
        tests = {lang: index.targeted(rows) for lang, rows in tests.items()}
    with replaced_folder(folder) as output:
        for lang, test in tests.items():
            if index is not None:
                found = Found(*index.rank(model, tokenizer, entry["head"], task, test))
            else:
                found = _predict(model, tokenizer, entry, task, lang, test)
            scored = score(task, lang, found.values, test)
            languages[lang] = _summary(scored) | found.notes
            items[lang] = scored.items
            write_predictions(output / PREDICTIONS, task, lang, found.values, test)
            print(
                f"{task.name} {lang}: {scored.value:.1f} on {len(scored.items)} items", flush=True
            )
        write_items(output / ITEMS, items)
        identity = {name: entry[name] for name in ("model", "recipe", "target", "seed")}
        write_json(
            output / SCORES,
            identity
            | {"metric": task.metric, "languages": languages}
            | {"model_sha256": weights_sha256(model_dir)}
            | {"provenance": _provenance(data, model_dir)}
            | {"seconds": round(time.monotonic() - started, 2)},
        )


def weights_sha256(folder: Path) -> str:
    """One digest of all weights in a model's folder, whatever else lies there."""
    lines = [f"{path.name} {sha256(path)}\n" for path in sorted(folder.glob("*.safetensors"))]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _predict(
    model: "TaskModel", tokenizer: Any, entry: dict[str, Any], task: Task, lang: str, test: Rows
) -> Found:
    if task.format == "retrieval":
        vectors, cut = _vectors(model, tokenizer, entry, task, test)
        found = tatoeba_predictions(vectors[: len(test)], vectors[len(test) :])
        return Found(found, {"truncated": cut})
    if task.format == "mining":
        dev = prepared_rows(Path(entry["data"]), task.name, "dev", lang)
        dev_vectors, _ = _vectors(model, tokenizer, entry, task, dev)
        vectors, cut = _vectors(model, tokenizer, entry, task, test)
        pairs, threshold = mine(dev, dev_vectors, test, vectors)
        return Found(pairs, {"truncated": cut, "threshold": threshold})
    if task.may_lack_answers:
        from xstilts.evaluation.no_answer import predict_with_threshold

        dev = prepared_rows(Path(entry["data"]), task.name, "dev", "en")
        return Found(*predict_with_threshold(model, tokenizer, entry["head"], task, dev, test))
    from xstilts.training.predict import predict_rows

    predicted = predict_rows(model, tokenizer, entry["head"], task, test)
    notes: dict[str, Any] = {"truncated": predicted.truncated}
    if task.format == "regression" and len(set(predicted.values)) == 1:
        notes["constant"] = True  # no correlation exists: the value is 0 by definition
    return Found(predicted.values, notes)


def _vectors(
    model: "TaskModel", tokenizer: Any, entry: dict[str, Any], task: Task, texts: Rows
) -> tuple[Any, int]:
    """Unit vectors of the features of `texts`, and how many rows lost some of their text.

    For retrieval all foreign texts come first, then all English ones.
    """
    from xstilts.models.embed import embed_features
    from xstilts.tasks.formats import format_of, truncated

    features = format_of(task).encode(texts, tokenizer, task, train=False)
    vectors = embed_features(model.body, features, entry["retrieval_layer"], tokenizer)
    return vectors, truncated(features)


def _summary(scored: Score) -> dict[str, Any]:
    return {"value": scored.value, "metrics": scored.metrics, "n": len(scored.items)}


def _provenance(data: Path, model_dir: Path) -> dict[str, Any]:
    """What the data and the model say of themselves, for readers who have neither at hand."""
    training = model_dir / "training.json"
    return {
        "data": read_json(data / "provenance.json"),
        "training": read_json(training) if training.is_file() else None,
    }
