import errno
import json
import os
import subprocess
import sys

import mirrors
import pytest

import xstilts.world
from xstilts.data import canonical
from xstilts.data.canonical import data_path
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
from xstilts.files import read_json, sha256
from xstilts.tasks.table import TASKS


def test_files_and_provenance(tmp_path):
    file = mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI | {"label": [0, -1, 1]})
    mirrors.put(tmp_path / "hub", "panx", mirrors.TAGGED)
    entry = mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]})
    entry["tasks"] += mirrors.entry(tmp_path / "hub", "panx", {"train": ["en"]})["tasks"]
    prepare(entry, tmp_path / "data")

    snli = data_path(tmp_path / "data", "snli", "train", "en")
    assert [row["id"] for row in canonical.rows(snli)] == ["0", "2"]
    files = read_json(tmp_path / "data" / "provenance.json")["files"]
    assert set(files) == {"snli/train/en.arrow", "panx/train/en.arrow"}
    assert files["snli/train/en.arrow"] == {
        "source": "mirror",
        "hub": "stanfordnlp/snli",
        "config": "plain_text",
        "split": "train",
        "revision": None,
        "rows": 2,
        "dropped": {"no gold label": 1},
        "changed": {},
        "sha256": sha256(snli),
        "notes": ["read from a mirror: the hub's revision is not known"],
    }
    assert str(file.parent) not in (tmp_path / "data" / "provenance.json").read_text()


def test_second_preparation_sees_changed_rows(tmp_path):
    entry = mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]})
    for premise in ("before", "after!"):
        mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI | {"premise": [premise] * 3})
        prepare(entry, tmp_path / "data")
        rows = canonical.rows(data_path(tmp_path / "data", "snli", "train", "en"))
        assert {row["text_a"] for row in rows} == {premise}


def test_preparation_replaces_what_was_there(tmp_path):
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "old.arrow").touch()
    entry = mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]})
    prepare(entry, tmp_path / "data")
    assert not (tmp_path / "data" / "old.arrow").exists()

    before = sha256(tmp_path / "data")
    prepare(entry, tmp_path / "data")
    assert sha256(tmp_path / "data") == before


def test_failed_preparation_leaves_what_was_there(tmp_path):
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    entry = mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]})
    prepare(entry, tmp_path / "data")
    before = sha256(tmp_path / "data")
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI | {"label": [0, 1, 9]})
    with pytest.raises(UserError):
        prepare(entry, tmp_path / "data")
    assert sha256(tmp_path / "data") == before


def test_replacement_characters_are_noted(tmp_path):
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI | {"premise": ["a", "b\ufffd", "c"]})
    prepare(mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}), tmp_path / "data")
    about = read_json(tmp_path / "data" / "provenance.json")["files"]["snli/train/en.arrow"]
    assert "1 rows hold '\\ufffd': text that was decoded wrongly upstream" in about["notes"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk(number, tmp_path, monkeypatch):
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)

    def full(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(canonical, "write", full)
    with pytest.raises(UserError, match=f"no space left on the disk of {tmp_path}/out/data"):
        prepare(mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}), tmp_path / "out/data")
    assert not list((tmp_path / "out").iterdir())


def test_other_system_errors_are_not_the_users(tmp_path, monkeypatch):
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)

    def denied(*_):
        raise PermissionError(errno.EACCES, "denied")

    monkeypatch.setattr(canonical, "write", denied)
    with pytest.raises(PermissionError):
        prepare(mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}), tmp_path / "data")


class TestWorld:
    @pytest.fixture
    def asked(self, monkeypatch):
        """Every request that the world got, which answers with numbered rows."""
        requests = []

        def hub_rows(hub, config, split, size, seed):
            requests.append((hub, config, split, size, seed))
            if hub == "google-research-datasets/tydiqa":
                rows = [_question(code, i) for i in range(size) for code in ("english", "finnish")]
                return rows, {}
            names = ["contradiction", "neutral", "entailment"]
            rows = [{"premise": f"p{i}", "hypothesis": "h", "label": i % 3} for i in range(size)]
            return rows, {"label": names}

        monkeypatch.setattr(xstilts.world, "hub_rows", hub_rows, raising=False)
        return requests

    def _entry(self, name, splits, sizes):
        source = {"kind": "world", "sizes": sizes, "seed": 5}
        return {"tasks": [{"task": TASKS[name].to_dict(), "source": source, "splits": splits}]}

    def test_rows_go_the_way_of_the_hub(self, asked, tmp_path):
        entry = self._entry("xnli", {"test": ["de", "sw"]}, {"test": 6})
        prepare(entry, tmp_path / "data")
        assert asked == [("facebook/xnli", code, "test", 6, 5) for code in ("de", "sw")]
        rows = canonical.rows(data_path(tmp_path / "data", "xnli", "test", "sw"))
        assert [row["label"] for row in rows] == [2, 1, 0, 2, 1, 0]
        about = read_json(tmp_path / "data" / "provenance.json")["files"]["xnli/test/de.arrow"]
        assert about["notes"] == ["generated by the world, seed 5"]

    def test_slices_of_one_split_are_cut_from_the_same_rows(self, asked, tmp_path):
        splits = {"train": ["en"], "dev": ["en"], "test": ["en", "fi"]}
        sizes = {"train": 90, "dev": 10, "test": 7}
        prepare(self._entry("tydiqa", splits, sizes), tmp_path / "data")
        assert [request[2:4] for request in asked] == [("train", 100), ("validation", 7)]
        found = {
            split: [
                row["id"]
                for row in canonical.rows(data_path(tmp_path / "data", "tydiqa", split, "en"))
            ]
            for split in splits
        }
        assert found["train"] == [f"english-{i}" for i in range(90)]
        assert found["dev"] == [f"english-{i}" for i in range(90, 100)]
        assert found["test"] == [f"english-{i}" for i in range(7)]

    def test_missing_size(self, asked, tmp_path):
        with pytest.raises(UserError, match=r"task xnli: source\.sizes gives no size for test"):
            prepare(self._entry("xnli", {"test": ["de"]}, {"train": 6}), tmp_path / "data")
        assert not asked

    def test_wrong_row_is_the_worlds(self, tmp_path, monkeypatch):
        rows = [{"premise": "", "hypothesis": "h", "label": 0}]
        monkeypatch.setattr(xstilts.world, "hub_rows", lambda *_: (rows, {}), raising=False)
        with pytest.raises(
            UserError, match=r"world \(facebook/xnli, config de, split test\), row 0"
        ):
            prepare(self._entry("xnli", {"test": ["de"]}, {"test": 1}), tmp_path / "data")


def _question(code, number):
    return {
        "id": f"{code}-{number}",
        "context": "Ana lives in Lima.",
        "question": "Where?",
        "answers": {"text": ["Lima"], "answer_start": [13]},
    }


def test_table_needs_no_heavy_import():
    script = "import sys, json; import xstilts.tasks.table; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"torch", "datasets", "pyarrow", "transformers", "numpy"}
