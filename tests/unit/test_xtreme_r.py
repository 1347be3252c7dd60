"""XTREME-R as a study's benchmark: its languages, its sources, who embeds Tatoeba."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xstilts.data.canonical import data_path, rows
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
from xstilts.publish.board.total import study_groups, total_of
from xstilts.publish.page.facts import facts
from xstilts.study.check import read_study
from xstilts.study.grid import languages, study_task
from xstilts.study.record import Study
from xstilts.study.resolve import resolve
from xstilts.tasks.table import BENCHMARKS, TASKS, task_in

STUDY = """
name: small
question: Does it help?
benchmark: {benchmark}
source: {source}
models: [mini-encoder]
recipes: {{none: []}}
baseline: none
targets: {targets}
seeds: [0]
sizes: {{train: 60, dev: 20, test: 20}}
"""


def study(folder: Path, benchmark: str, targets: str = "all", source: str = "hub") -> Study:
    path = folder / "small.yaml"
    path.write_text(STUDY.format(benchmark=benchmark, targets=targets, source=source))
    return read_study(path)


def test_all_targets_are_those_of_the_benchmark(tmp_path: Path):
    found = study(tmp_path, "xtreme-r")
    assert set(found.targets) == {t for own in BENCHMARKS["xtreme-r"].values() for t in own}
    sizes = {name: len(languages(found, name)) for name in found.targets}
    assert sizes == {
        "xnli": 15, "xcopa": 11, "udpos": 38, "panx": 48, "xquad": 12, "mlqa": 7, "tydiqa": 9,
        "tatoeba": 41, "lareqa": 11, "mewslix": 11,
    }  # fmt: skip


def test_xtreme_has_its_own_languages(tmp_path: Path):
    found = study(tmp_path, "xtreme", "[xquad, panx, tatoeba]")
    assert [len(languages(found, name)) for name in found.targets] == [11, 40, 36]
    assert study_task(found, "panx") == TASKS["panx"]
    assert resolve(found)["evaluate"]["mini-encoder-none-tatoeba-0"]["model_dir"] == (
        "models/backbone/mini-encoder"
    )


def test_tatoeba_is_embedded_after_squad_even_alone(tmp_path: Path):
    params = resolve(study(tmp_path, "xtreme-r", "[tatoeba]", "world"))
    assert list(params["finetune"]) == ["mini-encoder-none-squad-0"]
    cell = params["evaluate"]["mini-encoder-none-tatoeba-0"]
    assert cell["model_dir"] == "models/finetune/mini-encoder-none-squad-0"
    assert cell["head"] is None
    assert cell["retrieval_layer"] is not None
    assert set(params["prepare"]) == {"squad", "tatoeba"}


def test_with_qa_targets_tatoeba_takes_their_model(tmp_path: Path):
    params = resolve(study(tmp_path, "xtreme-r", "[tatoeba, xquad]", "world"))
    alone = resolve(study(tmp_path, "xtreme-r", "[xquad]", "world"))
    assert params["finetune"] == alone["finetune"]


def test_lareqa_trains_the_dual_encoder(tmp_path: Path):
    params = resolve(study(tmp_path, "xtreme-r", "[lareqa]", "world"))
    (entry,) = params["finetune"].values()
    assert entry["task"]["name"] == "squad_retrieval"
    assert entry["task"]["hparams"] == {"max_length": 256, "max_query_length": 96}
    assert params["evaluate"]["mini-encoder-none-lareqa-0"]["head"] == "squad_retrieval"


def test_only_wanted_languages_have_a_source_elsewhere(tmp_path: Path):
    found = study(tmp_path, "xtreme-r", "[udpos]")
    (item,) = resolve(found)["prepare"]["udpos"]["tasks"]
    assert set(item["task"]["source"]["elsewhere"]) == {"lt", "pl", "ro", "uk", "wo"}
    world = resolve(study(tmp_path, "xtreme-r", "[udpos]", "world"))
    assert "elsewhere" not in world["prepare"]["udpos"]["tasks"][0]["task"]["source"]


def _put(root: Path, hub: str, config: str, split: str, columns: dict[str, Any] | pa.Table) -> None:
    file = root / hub / config / f"{split}.parquet"
    file.parent.mkdir(parents=True)
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pq.write_table(table, file)
    path = f"{config}/{split}.parquet"
    card = f"configs:\n- config_name: {config}\n  data_files:\n  - split: {split}\n    path: {path}"
    (root / hub / "README.md").write_text(f"---\n{card}\n---\n")


def test_a_language_is_read_from_its_own_data_set(tmp_path: Path):
    mirror = tmp_path / "mirror"
    _put(
        mirror, "google/xtreme", "tatoeba.deu", "validation",
        {"source_sentence": ["eins"], "target_sentence": ["one"]},
    )  # fmt: skip
    _put(
        mirror, "mteb/tatoeba-bitext-mining", "lit-eng", "test",
        {"sentence1": ["du"], "sentence2": ["two"]},
    )  # fmt: skip
    record = task_in("tatoeba", "xtreme-r").to_dict() | {"languages": ["de", "lt"]}
    source = {"kind": "mirror", "path": str(mirror)}
    item = {"task": record, "source": source, "splits": {"test": ["de", "lt"]}}
    prepare({"tasks": [item]}, tmp_path / "out")
    found = {
        lang: rows(data_path(tmp_path / "out", "tatoeba", "test", lang)) for lang in ("de", "lt")
    }
    assert found["de"][0]["text_a"] == "eins"
    assert found["lt"] == [{"id": "0", "text_a": "du", "text_b": "two"}]


def test_a_missing_config_names_the_data_set_of_that_language(tmp_path: Path):
    mirror = tmp_path / "mirror"
    columns = {"source_sentence": ["eins"], "target_sentence": ["one"]}
    _put(mirror, "google/xtreme", "tatoeba.deu", "validation", columns)
    _put(
        mirror, "mteb/tatoeba-bitext-mining", "ron-eng", "test", {"sentence1": ["u"]}
    )  # fmt: skip
    record = task_in("tatoeba", "xtreme-r").to_dict() | {"languages": ["de", "lt"]}
    source = {"kind": "mirror", "path": str(mirror)}
    item = {"task": record, "source": source, "splits": {"test": ["de", "lt"]}}
    with pytest.raises(UserError, match=r"lt \(config lit-eng of mteb/tatoeba-bitext-mining\)"):
        prepare({"tasks": [item]}, tmp_path / "out")


def test_the_scoreboard_says_which_tasks_a_total_lacks():
    header = {"benchmark": "xtreme-r", "targets": ["xnli", "lareqa", "xquad"]}
    assert study_groups(header) == {
        "classification": ["xnli"], "qa": ["xquad"], "retrieval": ["lareqa"],
    }  # fmt: skip
    found = total_of(header)
    assert found["tasks"] == ["xnli", "xquad", "lareqa"]
    assert found["missing"] == [
        "xcopa", "udpos", "panx", "mlqa", "tydiqa", "tatoeba", "mewslix",
    ]  # fmt: skip
    board = {
        "cells": [], "summary": [], "recipes": {}, "metrics": {}, "data_note": "",
        "benchmark": "xtreme-r", "baseline": "none", "total": found, "beyond": [],
            "missing": [],
    }  # fmt: skip
    assert "of the tasks of XTREME-R it lacks xcopa" in facts(board)["notes"][1]


def test_a_whole_benchmark_lacks_nothing():
    every = [task for own in BENCHMARKS["xtreme"].values() for task in own]
    header = {"benchmark": "xtreme", "targets": every}
    assert total_of(header) == {"of": "xtreme", "tasks": every, "missing": []}


UD_TAGS = [
    "NOUN", "PUNCT", "ADP", "NUM", "SYM", "SCONJ", "ADJ", "PART", "DET", "CCONJ", "PROPN", "PRON",
    "X", "_", "ADV", "INTJ", "VERB", "AUX",
]  # fmt: skip
UD_TEXTS = ("lemmas", "xpos", "feats", "head", "deprel", "deps", "misc")


def test_tags_of_an_added_language_are_those_of_its_words(tmp_path: Path):
    """The schema of the hub's Universal Dependencies, whose multi-word tokens have the tag `_`."""
    from datasets import ClassLabel, Features, Sequence, Value

    tokens = ["Zrobiłbym", "Zrobił", "by", "m", "to", "."]
    tags = [UD_TAGS.index(tag) for tag in ("_", "VERB", "AUX", "AUX", "PRON", "PUNCT")]
    features = Features(
        {"idx": Value("string"), "text": Value("string"), "tokens": Sequence(Value("string"))}
        | {"upos": Sequence(ClassLabel(names=UD_TAGS))}
        | {name: Sequence(Value("string")) for name in UD_TEXTS}
    )
    columns = {"idx": ["1"], "text": ["Zrobiłbym to."], "tokens": [tokens], "upos": [tags]}
    columns |= {name: [["_"] * len(tokens)] for name in UD_TEXTS}
    file = tmp_path / "mirror/universal-dependencies/universal_dependencies/pl_pdb/test/0.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pydict(columns, schema=features.arrow_schema), file)
    (tmp_path / "mirror/google/xtreme").mkdir(parents=True)
    record = task_in("udpos", "xtreme-r").to_dict() | {"languages": ["pl"]}
    source = {"kind": "mirror", "path": str(tmp_path / "mirror")}
    prepare(
        {"tasks": [{"task": record, "source": source, "splits": {"test": ["pl"]}}]},
        tmp_path / "out",
    )
    [row] = rows(data_path(tmp_path / "out", "udpos", "test", "pl"))
    assert row["tokens"] == tokens[1:]
    assert [TASKS["udpos"].labels[tag] for tag in row["tags"]] == [
        "VERB", "AUX", "AUX", "PRON", "PUNCT",
    ]  # fmt: skip


def test_entities_of_an_added_language_lose_their_prefix(tmp_path: Path):
    """The schema of the hub's WikiANN."""
    from datasets import ClassLabel, Features, Sequence, Value

    names = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
    features = Features(
        {"tokens": Sequence(Value("string")), "ner_tags": Sequence(ClassLabel(names=names))}
        | {"langs": Sequence(Value("string")), "spans": Sequence(Value("string"))}
    )
    columns = {"tokens": [["Ona", "żyje", "w", "Łodzi"]], "ner_tags": [[1, 0, 0, 5]]}
    columns |= {"langs": [["pl"] * 4], "spans": [["PER: Ona", "LOC: Łodzi"]]}
    table = pa.Table.from_pydict(columns, schema=features.arrow_schema)
    _put(tmp_path / "mirror", "unimelb-nlp/wikiann", "pl", "test", table)
    (tmp_path / "mirror/google/xtreme").mkdir(parents=True)
    record = task_in("panx", "xtreme-r").to_dict() | {"languages": ["pl"]}
    source = {"kind": "mirror", "path": str(tmp_path / "mirror")}
    prepare(
        {"tasks": [{"task": record, "source": source, "splits": {"test": ["pl"]}}]},
        tmp_path / "out",
    )
    [row] = rows(data_path(tmp_path / "out", "panx", "test", "pl"))
    assert row["tokens"] == columns["tokens"][0]
    assert [TASKS["panx"].labels[tag] for tag in row["tags"]] == ["B-PER", "O", "O", "B-LOC"]
