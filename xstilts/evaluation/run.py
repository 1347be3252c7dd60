"""The evaluate phase: a model folder and test data in, scores and predictions out.

Light to import; torch and transformers load when a model is evaluated.
"""

import hashlib
import time
from pathlib import Path
from typing import Any

from xstilts.evaluation.examples import examples
from xstilts.evaluation.official import write_predictions
from xstilts.evaluation.prepared import SCORES, prepared_rows
from xstilts.evaluation.score import Score, score, write_items
from xstilts.evaluation.ways import WAYS, Subject
from xstilts.files import read_json, replaced_folder, sha256, write_json
from xstilts.tasks.record import Task

ITEMS, PREDICTIONS, EXAMPLES = "items.parquet", "predictions", "examples.json"


def evaluate(entry: dict[str, Any], folder: Path) -> None:
    """Score a model on all languages of an `evaluate` entry of `params.yaml`.

    Writes `scores.json`, `items.parquet`, `examples.json` (texts that it got wrong) and
    `predictions/` in the official layout; the folder appears whole or not at all. Raises
    `UserError` for a missing or damaged model or test set.
    """
    from xstilts.models.body import device, device_name
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
    items, wrong = {}, []
    tests = {lang: prepared_rows(data, task.name, "test", lang) for lang in task.languages}
    subject = Subject(model, tokenizer, task, data, entry["head"], entry.get("retrieval_layer"))
    with replaced_folder(folder) as output:
        for lang, found in WAYS[task.format](subject, tests):
            scored = score(task, lang, found.values, found.rows)
            languages[lang] = _summary(scored) | found.notes
            items[lang] = scored.items
            wrong += examples(task, lang, found, scored.items, tests.get("en", []))
            write_predictions(output / PREDICTIONS, task, lang, found.values, found.rows)
            print(
                f"{task.name} {lang}: {scored.value:.1f} on {len(scored.items)} items", flush=True
            )
        write_items(output / ITEMS, items)
        write_json(output / EXAMPLES, {"examples": wrong})
        identity = {name: entry[name] for name in ("model", "recipe", "target", "seed")}
        write_json(
            output / SCORES,
            identity
            | {"metric": task.metric, "languages": languages}
            | {"model_sha256": weights_sha256(model_dir)}
            | {"provenance": _provenance(data, model_dir)}
            | {"seconds": round(time.monotonic() - started, 2), "device": device_name()},
        )


def weights_sha256(folder: Path) -> str:
    """One digest of all weights in a model's folder, whatever else lies there."""
    lines = [f"{path.name} {sha256(path)}\n" for path in sorted(folder.glob("*.safetensors"))]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _summary(scored: Score) -> dict[str, Any]:
    return {"value": scored.value, "metrics": scored.metrics, "n": len(scored.items)}


def _provenance(data: Path, model_dir: Path) -> dict[str, Any]:
    """What the data and the model say of themselves, for readers who have neither at hand."""
    training = model_dir / "training.json"
    return {
        "data": read_json(data / "provenance.json"),
        "training": read_json(training) if training.is_file() else None,
    }
