"""A task whose rows come from several data sets under one head: ANLI+."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml
from tiny_models import tiny_backbone

from xstilts.data import canonical
from xstilts.data.canonical import data_path
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
from xstilts.files import read_json
from xstilts.models.checkpoint import load_model
from xstilts.study.resolve import resolve
from xstilts.study.rows import rows as planned_rows
from xstilts.tasks.check import task_problems
from xstilts.tasks.record import Task
from xstilts.tasks.table import TASKS
from xstilts.training.run import run_training
from xstilts.world import hub_rows

ANLI_PLUS = TASKS["anli_plus"]
LABELS = ["entailment", "neutral", "contradiction"]


def _entry(source: dict[str, Any], *splits: str) -> dict[str, Any]:
    item = {"task": ANLI_PLUS.to_dict(), "source": source}
    return {"tasks": [item | {"splits": {split: ["en"] for split in splits}}]}


def _prepared(folder: Path, source: dict[str, Any], *splits: str) -> dict[str, Any]:
    prepare(_entry(source, *splits), folder)
    return {s: canonical.rows(data_path(folder, "anli_plus", s, "en")) for s in splits}


def test_the_sizes_are_those_of_the_paper(shared):
    facts = yaml.safe_load((shared / "facts" / "tasks.yaml").read_text(encoding="utf-8"))
    theirs = facts["intermediate_tasks"]["anli_plus"]
    part = {
        "task": ANLI_PLUS.to_dict(),
        "source": {"kind": "hub"},
        "splits": {"train": ["en"], "dev": ["en"]},
    }
    params = {"prepare": {"anli_plus": {"tasks": [part]}}}
    unlabelled = {"train": 785, "dev": 158}  # rows of SNLI without a gold label, dropped
    for split, size in (("train", theirs["train_size"]), ("dev", theirs["dev_size"])):
        found = planned_rows(params, "data/anli_plus", "anli_plus", split)
        assert found - unlabelled[split] == size
    assert [part.source.hub for part in ANLI_PLUS.parts()] == [
        "facebook/anli", "nyu-mll/glue", "stanfordnlp/snli",
    ]  # fmt: skip


def test_record_with_several_sources_survives_yaml_and_params():
    text = yaml.safe_dump(ANLI_PLUS.to_dict())
    assert Task.from_dict(yaml.safe_load(text)) == ANLI_PLUS


def _mirror(root: Path, rows: dict[str, dict[str, int]]) -> Path:
    """Rows per data set and split, whose premises say where they come from."""
    configs = {"facebook/anli": "plain_text", "nyu-mll/glue": "mnli",
               "stanfordnlp/snli": "plain_text"}  # fmt: skip
    for hub, splits in rows.items():
        lines = ["---", "configs:", f"- config_name: {configs[hub]}", "  data_files:"]
        for split, size in splits.items():
            path = root / hub / configs[hub] / f"{split}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            columns = {
                "premise": [f"{hub} {split} {i}" for i in range(size)],
                "hypothesis": ["It is so."] * size,
                "label": [i % 3 for i in range(size)],
            }
            if hub == "facebook/anli":
                columns |= {"uid": [f"{split}-{i}" for i in range(size)], "reason": [""] * size}
            pa.parquet.write_table(pa.table(columns), path)
            lines += [f"  - split: {split}", f"    path: {configs[hub]}/{split}*.parquet"]
        (root / hub / "README.md").write_text("\n".join([*lines, "---", ""]))
    return root


SIZES = {
    "facebook/anli": {f"{split}_r{i}": i for split in ("train", "dev") for i in (1, 2, 3)},
    "nyu-mll/glue": {"train": 12, "validation_matched": 4},
    "stanfordnlp/snli": {"train": 18, "validation": 4},
}


def test_all_rows_are_there_and_every_stretch_has_its_share_of_each_source(tmp_path):
    root = _mirror(tmp_path / "hub", SIZES)
    found = _prepared(tmp_path / "d", {"kind": "mirror", "path": str(root)}, "train", "dev")
    names = [row["text_a"].split()[0] for row in found["train"]]
    assert Counter(names) == {"facebook/anli": 6, "nyu-mll/glue": 12, "stanfordnlp/snli": 18}
    for start in range(0, 36, 12):
        assert Counter(names[start : start + 12]) == {
            "facebook/anli": 2, "nyu-mll/glue": 4, "stanfordnlp/snli": 6,
        }  # fmt: skip
    ids = [row["id"] for row in found["train"]]
    assert len(set(ids)) == 36
    assert {"anli-train_r3-2", "glue-11", "snli-17"} <= set(ids)
    about = read_json(tmp_path / "d" / "provenance.json")["files"]["anli_plus/train/en.arrow"]
    assert (about["rows"], about["hub"]) == (36, "facebook/anli")
    assert [own["hub"] for own in about["also"]] == ["nyu-mll/glue", "stanfordnlp/snli"]


def test_problems_of_all_sources_are_reported_together(tmp_path):
    root = _mirror(tmp_path / "hub", SIZES)
    for hub, config in (("nyu-mll/glue", "mnli"), ("stanfordnlp/snli", "plain_text")):
        columns = {"premise": ["a", "b"], "hypothesis": ["c", "d"], "label": [0, 7]}
        pa.parquet.write_table(pa.table(columns), root / hub / config / "train.parquet")
    with pytest.raises(UserError) as error:
        prepare(_entry({"kind": "mirror", "path": str(root)}, "train"), tmp_path / "d")
    first, second = error.value.problems
    assert "glue" in first
    assert "config mnli, split train), row 1, field label: label 7 is none of 0..2" in first
    assert "snli" in second
    assert "config plain_text, split train), row 1, field label: label 7" in second


def test_the_real_slices_are_joined(shared, tmp_path):
    mirror = {"kind": "mirror", "path": str(shared / "hub")}
    found = _prepared(tmp_path / "d", mirror, "train", "dev")
    names = Counter(row["id"].partition("-")[0] for row in found["train"])
    assert names == {"anli": 9, "glue": 5, "snli": 1669}
    assert Counter(row["id"].partition("-")[0] for row in found["dev"])["anli"] == 6
    assert {row["label"] for row in found["train"]} == {0, 1, 2}


def test_the_world_makes_as_many_rows_as_the_study_says_and_none_twice(tmp_path):
    world = {"kind": "world", "sizes": {"train": 180, "dev": 18}}
    found = _prepared(tmp_path / "d", world, "train", "dev")
    assert {split: len(rows) for split, rows in found.items()} == {"train": 180, "dev": 18}
    texts = {split: {(r["text_a"], r["text_b"]) for r in rows} for split, rows in found.items()}
    assert len(texts["train"]) > 175
    assert not texts["train"] & texts["dev"]
    names = Counter(row["id"].partition("-")[0] for row in found["train"])
    assert names == {"anli": 60, "glue": 60, "snli": 60}


def test_the_rounds_of_anli_share_no_row_and_have_the_hubs_columns():
    rounds = [hub_rows("facebook/anli", "plain_text", f"train_r{i}", 50, 0) for i in (1, 2, 3)]
    texts = [{(row["premise"], row["hypothesis"]) for row in rows} for rows, _ in rounds]
    assert [len(rows) for rows, _ in rounds] == [50, 50, 50]
    assert not texts[0] & texts[1]
    assert not texts[1] & texts[2]
    rows, labels = rounds[0]
    assert set(rows[0]) == {"uid", "premise", "hypothesis", "label", "reason"}
    assert labels == {"label": LABELS}


def test_it_trains_as_one_task_under_one_head(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _prepared(Path("data"), {"kind": "world", "sizes": {"train": 180, "dev": 18}}, "train", "dev")
    tiny_backbone(Path("backbone"))
    entry = {
        "init": "backbone", "data": "data", "task": ANLI_PLUS.to_dict(), "seed": 0,
        "training": {"learning_rate": 1e-3, "epochs": 1, "batch_size": 30, "evals": 1},
    }  # fmt: skip
    run_training(entry, Path("out"))
    summary = read_json(Path("out/training.json"))
    assert summary["steps"] == 6
    assert summary["tasks"]["anli_plus"]["features"] == 180
    assert list(summary["tasks"]) == ["anli_plus"]
    model, _ = load_model(Path("out"))
    assert list(model.heads) == ["anli_plus"]
    assert model.heads["anli_plus"].out.out_features == 3


def test_a_study_prepares_it_as_one_data_set():
    from xstilts.study.check import read_study
    from xstilts.study.record import Recipe

    study = read_study(Path(__file__).parents[2] / "pipelines" / "studies" / "smoke.yaml")
    study = replace(study, recipes=study.recipes | {"anli": Recipe(tasks=("anli_plus",))})
    params = resolve(study)
    [part] = params["prepare"]["anli_plus"]["tasks"]
    assert [own["hub"] for own in part["task"]["also"]] == ["nyu-mll/glue", "stanfordnlp/snli"]
    assert Task.from_dict(part["task"]).also == ANLI_PLUS.also
    [key] = [key for key in params["intermediate"] if "-anli-" in key]
    assert [task["name"] for task in params["intermediate"][key]["tasks"]] == ["anli_plus"]
    assert "also" not in params["intermediate"][key]["tasks"][0]


def test_sources_with_other_splits_are_refused():
    short = replace(TASKS["mnli"].source, splits={"train": "train"})
    [problem] = task_problems(replace(ANLI_PLUS, also=(short,)))
    assert "nyu-mll/glue has the splits ['train'], facebook/anli ['train', 'dev']" in problem
