"""The real slices: everything that the mirror holds of our tasks loads, and nothing is lost."""

import re
from pathlib import Path

import mirrors
import pytest

from xstilts.data import canonical
from xstilts.data.canonical import data_path
from xstilts.data.hub import Place, load
from xstilts.data.prepare import prepare
from xstilts.files import read_json
from xstilts.tasks.table import BENCHMARKS, TASKS

XTREME = sorted(name for group in BENCHMARKS["xtreme"].values() for name in group)
# the study of the real slices: what each task can be trained and tested on there
SLICES = {
    "xnli": {"test": "validation"},
    "snli": {"train": "train[:90%]", "dev": "train[90%:]"},
    "pawsx": {
        "train": "validation[:40%]",
        "dev": "validation[40%:50%]",
        "test": "validation[50%:]",
    },
    "panx": {"train": "train[:95%]", "dev": "train[95%:]", "test": "validation"},
    "mlqa": {"test": "validation"},
    "tydiqa": {"train": "train[:80%]", "dev": "train[80%:85%]", "test": "train[85%:]+validation"},
    "bucc2018": {"dev": "validation[:50%]", "test": "validation[50%:]"},
    "hellaswag": {"train": "validation[:80%]", "dev": "validation[80%:]"},
}


@pytest.fixture(scope="module")
def hub(shared) -> Path:
    return shared / "hub"


@pytest.fixture(scope="module")
def index(hub) -> dict[tuple[str, str], dict[str, int]]:
    """(repository, config) -> rows per split, from the table of INDEX.md."""
    held = {}
    for line in (hub / "INDEX.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and "/" in cells[0]:
            splits = re.findall(r"(\w+) (\d+)", cells[2].replace("†", ""))
            held[cells[0], cells[1]] = {split: int(rows) for split, rows in splits}
    return held


def _languages(task, index):
    source = task.source
    return [code for code in task.languages if (source.hub, source.config_of(code)) in index]


@pytest.mark.parametrize("name", XTREME)
def test_every_row_of_the_index_is_read(name, hub, index, tmp_path):
    source = TASKS[name].source
    configs = {source.config_of(code) for code in _languages(TASKS[name], index)}
    place = Place(hub, tmp_path)
    for config in configs:
        for split, rows in index[source.hub, config].items():
            assert len(load(place, source.hub, config, split, None).rows) == rows


@pytest.mark.parametrize("name", [*XTREME, "snli", "hellaswag"])
def test_task_is_prepared_in_all_its_languages(name, hub, index, tmp_path):
    task = TASKS[name]
    splits = task.source.splits | SLICES.get(name, {})
    splits = {split: e for split, e in splits.items() if split in SLICES.get(name, splits)}
    codes = ["ar", "de", "en"] if name in ("xnli", "xquad") else _languages(task, index)
    if name == "tydiqa":
        codes = ["en", "ko"]
    trained = [code for code in codes if code == "en"] or codes
    languages = {split: codes if split == "test" else trained for split in splits}
    prepare(mirrors.entry(hub, name, languages, splits=splits), tmp_path / name)

    provenance = read_json(tmp_path / name / "provenance.json")["files"]
    assert len(provenance) == sum(len(codes) for codes in languages.values())
    assert len(codes) >= (1 if name in ("bucc2018", "snli", "hellaswag") else 2)
    for path, about in provenance.items():
        rows = canonical.rows(tmp_path / name / path)
        assert len(rows) == about["rows"] > 0
        assert canonical.validate(rows, task, path) == []
    assert len(canonical.read(tmp_path / name / next(iter(provenance)))) > 0


def test_slices_of_one_split_share_no_row(hub, tmp_path):
    wanted = {"train": ["en"], "dev": ["en"], "test": ["en", "ko"]}
    prepare(mirrors.entry(hub, "tydiqa", wanted, splits=SLICES["tydiqa"]), tmp_path / "d")
    ids = {
        split: {
            row["id"] for row in canonical.rows(data_path(tmp_path / "d", "tydiqa", split, "en"))
        }
        for split in wanted
    }
    assert not ids["train"] & ids["dev"]
    assert not (ids["train"] | ids["dev"]) & ids["test"]
    assert sum(map(len, ids.values())) == 3696 + 1


def test_moved_answers_are_counted(hub, tmp_path):
    prepare(mirrors.entry(hub, "xquad", {"test": ["ar", "de"]}), tmp_path / "d")
    files = read_json(tmp_path / "d" / "provenance.json")["files"]
    assert files["xquad/test/ar.arrow"]["changed"] == {"find_answers": 14}
    assert files["xquad/test/de.arrow"]["changed"] == {}


def test_bucc_comes_with_distractors_from_the_text_layout(hub, tmp_path):
    wanted = {"dev": ["zh"]}
    prepare(mirrors.entry(hub, "bucc2018", wanted), tmp_path / "texts")
    prepare(mirrors.entry(hub, "bucc2018", wanted, files=None), tmp_path / "pairs")

    texts = canonical.rows(data_path(tmp_path / "texts", "bucc2018", "dev", "zh"))
    pairs = canonical.rows(data_path(tmp_path / "pairs", "bucc2018", "dev", "zh"))
    assert (len(texts), len(pairs)) == (2 * 880, 2 * 129)
    gold = {(row["id"], row["pair"]) for row in texts if row["pair"]}
    assert gold == {(row["id"], row["pair"]) for row in pairs}
    half = texts[: len(texts) // 2]
    assert 60 <= sum(row["side"] == "foreign" and row["pair"] != "" for row in half) <= 70
    notes = read_json(tmp_path / "pairs" / "provenance.json")["files"]["bucc2018/dev/zh.arrow"]
    assert any(note.startswith("no distractors") for note in notes["notes"])


def test_what_differs_from_the_official_sets_is_noted(hub, tmp_path):
    prepare(mirrors.entry(hub, "udpos", {"test": ["de"]}), tmp_path / "d")
    about = read_json(tmp_path / "d" / "provenance.json")["files"]["udpos/test/de.arrow"]
    assert TASKS["udpos"].source.note in about["notes"]


def test_labels_of_the_tables_follow_the_cards(hub, tmp_path):
    for name in ("udpos", "panx", "pawsx", "xnli"):
        task = TASKS[name]
        config = task.source.config_of("de")
        rows = load(Place(hub, tmp_path), task.source.hub, config, "validation", None)
        column = task.source.columns.get("label", task.source.columns.get("tags"))
        assert tuple(rows.labels[column]) == task.labels
