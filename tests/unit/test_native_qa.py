"""Questions asked in other languages than English: the hub's schema, the world's twins."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from whole_way import go, study_of, with_test

from xstilts.data import canonical
from xstilts.data.canonical import data_path
from xstilts.data.prepare import prepare
from xstilts.files import read_json
from xstilts.study.rows import published_rows
from xstilts.tasks.native_qa import NATIVE_QA_TASKS
from xstilts.tasks.record import Task
from xstilts.tasks.table import TASKS
from xstilts.world import hub_rows
from xstilts.world.native_qa import LANGUAGES

ANSWERS = pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))])
SENTENCES = {
    "ar": "ولدت منى في القاهرة .",
    "de": "Anna wurde in Köln geboren .",
    "fr": "Anne est née à Lyon .",
    "it": "Anna è nata a Roma .",
    "ko": "안나는 서울 에서 태어났다 .",
    "ru": "Анна родилась в Москве .",
    "zh": "安娜 生于 上海 。",
}


def schema(task: Task) -> pa.Schema:
    """The columns of the data set's card; GermanQuAD and SberQuAD number their questions."""
    name = pa.int32() if task.name in ("germanquad", "sberquad") else pa.string()
    columns = [("id", name), ("title", pa.string())]
    if task.name in ("germanquad", "cmrc2018", "squad_it"):
        columns.pop()  # no title
    texts = [("context", pa.string()), ("question", pa.string()), ("answers", ANSWERS)]
    return pa.schema([*columns, *texts])


def rows_of(task: Task, size: int) -> list[dict[str, Any]]:
    sentence = SENTENCES[task.languages[0]]
    words = sentence.split()
    found = []
    for number in range(size):
        word = words[number % (len(words) - 1)]
        answers = {"text": [word], "answer_start": [sentence.index(word)]}
        row = {"id": number, "title": "-", "context": sentence, "question": f"{word} ?"}
        if schema(task).field("id").type == pa.string():
            row["id"] = f"q-{number}"
        found.append(row | {"answers": answers})
    return found


def publish(root: Path, task: Task, *, card: bool = True) -> Path:
    """The data set as the hub has it; its own export to Parquet comes without a card."""
    folder, config = root / task.source.hub, task.source.config
    configs = ["---", "configs:", f"- config_name: {config}", "  data_files:"]
    for split in ("train", "validation", "test"):
        path = folder / config / f"{split}-00000-of-00001.parquet"
        if not card:
            path = folder / "plain_text" / split / "0000.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(rows_of(task, 40), schema=schema(task))
        pq.write_table(table, path)
        configs += [f"  - split: {split}", f"    path: {config}/{split}-*"]
    if card:
        (folder / "README.md").write_text("\n".join([*configs, "---", ""]), encoding="utf-8")
    return root


def entry(root: Path, task: Task) -> dict[str, Any]:
    splits = {split: list(task.languages) for split in task.source.splits}
    mirror = {"kind": "mirror", "path": str(root)}
    return {"tasks": [{"task": task.to_dict(), "source": mirror, "splits": splits}]}


@pytest.mark.parametrize("task", NATIVE_QA_TASKS, ids=lambda task: task.name)
def test_rows_in_the_hubs_schema_are_prepared(task, tmp_path):
    exported = task.source.revision is not None
    prepare(entry(publish(tmp_path / "hub", task, card=not exported), task), tmp_path / "data")
    [lang] = task.languages
    found = {
        split: canonical.rows(data_path(tmp_path / "data", task.name, split, lang))
        for split in task.source.splits
    }
    rows = found["train"]
    assert rows[0]["answers"] == [{"text": SENTENCES[lang].split()[0], "start": 0}]
    assert rows[0]["id"] in ("0", "q-0")
    if "[" in task.source.splits["train"]:
        ids = [{row["id"] for row in found[split]} for split in ("train", "dev")]
        assert not ids[0] & ids[1]
        assert len(ids[0] | ids[1]) == 40
    files = read_json(tmp_path / "data" / "provenance.json")["files"]
    notes = files[f"{task.name}/train/{lang}.arrow"]["notes"]
    assert any("was not tried on the hub" in note for note in notes)


@pytest.mark.parametrize("task", NATIVE_QA_TASKS, ids=lambda task: task.name)
def test_every_record_has_its_own_language_and_published_sizes(task):
    assert "en" not in task.languages
    assert task.train_from == "squad"
    assert all(published_rows(task.source).values())


@pytest.mark.parametrize(
    "name", [t.name for t in NATIVE_QA_TASKS if t.source.hub not in LANGUAGES]
)  # fmt: skip
def test_what_the_world_does_not_speak_goes_the_whole_way_from_a_mirror(
    name, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(TASKS, name, with_test(TASKS[name]))
    mirror = publish(tmp_path / "hub", TASKS[name])
    squad = TASKS["squad"]
    folder = mirror / squad.source.hub / "plain_text"
    folder.mkdir(parents=True)
    lines = ["---", "configs:", "- config_name: plain_text", "  data_files:"]
    for split in ("train", "validation"):
        rows, _ = hub_rows("rajpurkar/squad", "plain_text", split, 16, 0)
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{split}.parquet")
        lines += [f"  - split: {split}", f"    path: plain_text/{split}.parquet"]
    (folder.parent / "README.md").write_text("\n".join([*lines, "---", ""]))
    scores = go(study_of(name, source="mirror", mirror=str(mirror)))
    assert list(scores["languages"]) == list(TASKS[name].languages)


@pytest.mark.parametrize("hub", LANGUAGES)
def test_the_worlds_twin_has_the_hubs_columns_and_texts_of_its_own(hub):
    [task] = [task for task in NATIVE_QA_TASKS if task.source.hub == hub]
    rows, _ = hub_rows(hub, task.source.config, "train", 30, 0)
    [lang] = task.languages
    assert LANGUAGES[hub] == lang
    assert set(rows[0]) >= {field.name for field in schema(task)}
    squad, _ = hub_rows("google/xquad", f"xquad.{lang}", "validation", 30, 0)
    assert not {row["context"] for row in rows} & {row["context"] for row in squad}
    for row in rows:
        start, [text] = row["answers"]["answer_start"][0], row["answers"]["text"]
        assert row["context"][start : start + len(text)] == text
    tests, _ = hub_rows(hub, task.source.config, "validation", 30, 0)
    assert not {row["context"] for row in rows} & {row["context"] for row in tests}
