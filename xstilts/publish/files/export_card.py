"""The model card of an exported model: what it is, how it is loaded, what it scored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from xstilts.models.architecture import ENCODER, Reading
from xstilts.publish.board.total import mean_name
from xstilts.publish.files.card_metadata import WORLD, metadata
from xstilts.publish.files.licences import Part, backbone, parts
from xstilts.publish.files.markdown import table
from xstilts.publish.words.wording import listed, points

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Exported:
    """A folder's model: fine-tuned for `target` or for none, with these heads beside its body."""

    target: str | None
    heads: Sequence[str]
    reading: Reading


def export_card(board: Record, model: Exported) -> str:
    """The card of the best run's model."""
    best = board["best"]
    identity = best["model"], best["recipe"]
    record = next(r for r in board["summary"] if (r["model"], r["recipe"]) == identity)
    head = yaml.safe_dump(_metadata(board, record, model), allow_unicode=True, sort_keys=False)
    sections = "\n\n".join(_sections(board, record, model))
    return f"---\n{head}---\n\n{sections}\n"


def _metadata(board: Record, record: Record, model: Exported) -> dict[str, Any]:
    start, *data = _ingredients(board, model.target)
    found = metadata(board, record, [start, *data])
    del found["datasets"]
    hubs = {hub for own in data for hub in own.hubs}
    if data:
        found["datasets"] = sorted(hubs) or [WORLD]
    (index,) = found["model-index"]
    name = _name(board, model)
    results = [own for own in index["results"] if model.target in (None, own["dataset"]["name"])]
    # The heads are files of our own: of itself the folder gives states
    own = {"pipeline_tag": "feature-extraction"}
    return found | own | {"model-index": [{"name": name, "results": results}]}


def _ingredients(board: Record, target: str | None) -> list[Part]:
    """The backbone, then the data that went into the weights."""
    training = board["provenance"]["training"]
    tuned = {target: training["targets"][target]} if target else {}
    provenance = {**board["provenance"], "training": {**training, "targets": tuned}}
    best, untested = board["best"], {**board, "metrics": {}, "provenance": provenance}
    return [backbone(best["model"]), *parts(untested, best["recipe"])]


def _name(board: Record, model: Exported) -> str:
    best = board["best"]
    return "-".join(filter(None, (board["study"], best["model"], best["recipe"], model.target)))


def _sections(board: Record, record: Record, model: Exported) -> Iterator[str]:
    yield f"# {_name(board, model)}"
    yield _what(board, model)
    yield "## Use"
    yield _loading(model)
    yield "## Scores"
    yield _scores(board, record, model)
    yield "## Limits"
    yield (
        "For research on transfer between languages. It was chosen as the best of its study by "
        "test scores, which flatters it. Biases of the backbone and of the training data were "
        f"neither measured nor mended. {board['data_note']}"
    )
    yield "## Data and licences"
    used = _ingredients(board, model.target)
    rows = ([own.name, ", ".join(own.uses), own.origin, own.licence] for own in used)
    yield table(["what", "used for", "from", "licence"], rows, names=4)


def _what(board: Record, model: Exported) -> str:
    best = board["best"]
    tasks = board["recipes"][best["recipe"]]
    before = f"trained on {listed(tasks)}" if tasks else "without intermediate training"
    after = "not fine-tuned for any target yet"
    if model.target:
        tuned = board["provenance"]["training"]["targets"][model.target]
        after = f"which is scored on {model.target} as it is, without fine-tuning"
        if tuned:
            after = f"fine-tuned in English on {tuned['task']}, for {model.target}"
    code = board["provenance"]["code"]["revision"]
    return (
        f"The backbone `{best['model']}`, {before} (recipe `{best['recipe']}`, seed "
        f"{best['seed']}), {after}: the best run of the study `{board['study']}`, by its "
        f"{mean_name(board['total'])}. Made with xstilts"
        f"{f', commit `{code[:12]}`' if code else ''}. The study's question: {board['question']}"
    )


def _loading(model: Exported) -> str:
    name = "AutoModelForSeq2SeqLM" if model.reading.interface == "text" else "AutoModel"
    no_pooler = model.reading.architecture == ENCODER
    more = ", add_pooling_layer=False" if no_pooler else ""
    lines = [
        "```python",
        f"from transformers import {name}, AutoTokenizer",
        "",
        f'model = {name}.from_pretrained("FOLDER"{more})',
        'tokenizer = AutoTokenizer.from_pretrained("FOLDER")',
        "```",
    ]
    if no_pooler:
        lines += ["", "It has no pooler: without that argument transformers adds a random one."]
    if model.heads:
        lines += [
            "",
            f"`head.safetensors` holds the weights of the head{'s' * (len(model.heads) > 1)} for "
            f"{listed(model.heads)}, as `TASK.PARAMETER`, and `head.json` what the tasks are; "
            "`xstilts.models.checkpoint.load_model` reads them together with the body.",
        ]
    return "\n".join(lines)


def _scores(board: Record, record: Record, model: Exported) -> str:
    tasks = [model.target] if model.target else list(record["tasks"])
    rows = []
    for task in tasks:
        own = record["tasks"][task]
        zero_shot = "–" if own["zero_shot"] is None else points(own["zero_shot"])
        metric = f"`{board['metrics'][task]}`"
        rows.append([task, metric, points(own["value"]), zero_shot, str(len(own["languages"]))])
    seeds = len({cell["seed"] for cell in board["cells"]})
    intro = "Mean over languages" + (f" and {seeds} seeds" if seeds > 1 else "")
    if not model.target:
        intro += ", after fine-tuning in English on each task"
    head = ["task", "metric", "score", "zero-shot", "languages"]
    return f"{intro}:\n\n{table(head, rows, names=2)}"
