"""Every record of the task table, on a few rows of the world: no record is untested."""

import math
import shutil
from pathlib import Path

import pytest
from whole_way import BACKBONE, go, study_of, study_with_text, with_test

from xstilts.data.canonical import data_path, rows
from xstilts.evaluation.official_check import CHECKED, problems
from xstilts.files import read_json
from xstilts.study.check import problems as problems_of
from xstilts.study.grid import world_languages
from xstilts.tasks.formats import format_of
from xstilts.tasks.native_qa import NATIVE_QA_TASKS
from xstilts.tasks.table import TASKS, VARIANTS

TEXTS = [name for name in TASKS if TASKS[name].format == "mlm"]
# what the world does not speak goes its way from a mirror: `test_native_qa`
UNSPOKEN = [t.name for t in NATIVE_QA_TASKS if t.languages[0] not in world_languages()]
RECORDS = [(name, "xtreme") for name in TASKS if name not in (*TEXTS, *UNSPOKEN)]
RECORDS += [(name, benchmark) for benchmark, own in VARIANTS.items() for name in own]


@pytest.mark.parametrize(("name", "benchmark"), RECORDS)
def test_every_record_goes_the_whole_way(name, benchmark, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(TASKS, name, with_test(TASKS[name]))
    for own in VARIANTS.values():
        if name in own:
            monkeypatch.setitem(own, name, with_test(own[name]))
    study = study_of(name, benchmark)
    scores = go(study)
    assert scores["metric"] == TASKS[name].metric
    assert set(scores["languages"]) == set(study.tasks[name].languages)
    if getattr(format_of(TASKS[name]), "HEAD", None):
        trained = study.trained_task(name)
        summary = read_json(
            Path("models/finetune", f"{BACKBONE}-none-{trained}-0", "training.json")
        )
        assert summary["steps"] > 0
        assert math.isfinite(summary["dev_score"])
    if name in CHECKED:
        assert submission_problems(name, study.tasks[name].languages) == []


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_goes_the_whole_way_in_a_mixture(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = study_with_text(name)
    assert list(problems_of(study)) == []
    scores = go(study)
    assert set(scores["languages"]) == set(study.tasks["xnli"].languages)
    summary = read_json(Path("models/intermediate", f"{BACKBONE}-mixed-0", "training.json"))
    assert summary["steps"] > 0
    assert math.isfinite(summary["dev_score"])
    text, task = summary["tasks"][name], summary["tasks"]["mnli"]
    assert text["features"] >= 2 * study.sizes["train"]
    assert (text["dev_rows"], task["dev_rows"]) == (0, study.sizes["dev"])
    assert set(text["languages"]) == set(study.tasks[name].languages)


def submission_problems(name, languages):
    """What the benchmark's layout has against the predictions that `go` left, given the rows."""
    shutil.copytree(
        Path("evaluations/whole-way", f"{BACKBONE}-none-{name}-0", "predictions"),
        Path("submission", name),
    )
    return problems(
        Path("submission"),
        {name: languages},
        lambda task, lang: rows(data_path(Path("data", task), task, "test", lang)),
    )
