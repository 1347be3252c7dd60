"""`xstilts data stats`, `check` and `table`, as a person types them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import mirrors
import pytest

from xstilts.cli import main
from xstilts.data import stats
from xstilts.data.check import findings
from xstilts.data.page import tasks_page
from xstilts.tasks.table import BENCHMARKS, TASKS, VARIANTS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder that `xstilts` takes for a clone, with the study `smoke`."""
    (tmp_path / "pipelines" / "studies").mkdir(parents=True)
    shutil.copy(ROOT / "pipelines/studies/smoke.yaml", tmp_path / "pipelines/studies")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def letters(texts):
    """A tokenizer for which every character is a sub-word."""
    return [len(text) for text in texts]


class TestPage:
    def test_the_page_of_tasks_is_up_to_date(self):
        page = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
        assert page == tasks_page(TASKS, BENCHMARKS, VARIANTS), "write it anew with `make docs`"

    def test_every_record_has_its_line(self):
        page = tasks_page(TASKS, BENCHMARKS, VARIANTS)
        for name, task in TASKS.items():
            [line] = [line for line in page.splitlines() if line.startswith(f"| `{name}`")]
            assert line.count("|") == 9, line
            shown = (task.source.hub, task.licence, task.reference, *task.languages)
            assert all(part in line for part in shown), line

    @pytest.mark.usefixtures("project")
    def test_the_page_can_be_written(self, capsys):
        assert main(["data", "table", "--output", "docs/tasks.md"]) == 0
        assert f"docs/tasks.md holds {len(TASKS)} tasks." in capsys.readouterr().out
        assert main(["data", "table"]) == 0
        assert capsys.readouterr().out == Path("docs/tasks.md").read_text(encoding="utf-8")


class TestStats:
    def test_lengths_and_labels(self):
        rows = [
            {"id": "0", "text_a": "A big dog.", "text_b": "no", "label": 0},
            {"id": "1", "text_a": "Yes", "text_b": "no", "label": 0},
        ]
        found = stats.part(TASKS["snli"], "dev", "en", rows, letters)
        assert (found.rows, found.own_words, found.own_subwords) == (2, 6, 17)
        assert found.words == stats.Lengths(total=6, mean=3.0, most=4, longest=4)
        assert found.subwords == stats.Lengths(total=17, mean=8.5, most=12, longest=12)
        assert found.labels == {"entailment": 2, "neutral": 0, "contradiction": 0}

    def test_words_of_a_tagged_sentence_are_its_tokens(self):
        rows = [{"id": "0", "tokens": ["Ana", ",", "Lima"], "tags": [1, 0, 5]}]
        found = stats.part(TASKS["panx"], "test", "de", rows, None)
        assert found.words.total == 3
        assert (found.subwords, found.own_subwords) == (None, None)
        assert {name: n for name, n in found.labels.items() if n} == {
            "O": 1,
            "B-PER": 1,
            "B-LOC": 1,
        }

    def test_where_there_are_no_spaces_characters_are_words(self):
        rows = [{"id": "0", "text_a": "狗很大", "text_b": "狗", "label": 1}]
        assert stats.part(TASKS["xnli"], "test", "zh", rows, None).words.total == 4

    def test_the_english_side_of_a_pair_does_not_count_for_the_language(self):
        rows = [{"id": "0", "text_a": "der Hund", "text_b": "the big dog"}]
        found = stats.part(TASKS["tatoeba"], "test", "de", rows, letters)
        assert (found.words.total, found.own_words, found.own_subwords) == (5, 2, 8)
        mined = [
            {"id": "a", "side": "foreign", "text": "ein Hund", "pair": "b"},
            {"id": "b", "side": "english", "text": "a very big dog", "pair": "a"},
            {"id": "c", "side": "foreign", "text": "ja", "pair": ""},
        ]
        found = stats.part(TASKS["bucc2018"], "test", "de", mined, letters)
        assert (found.words.total, found.own_words) == (7, 3)
        assert found.labels == {"paired": 2, "alone": 1}

    def test_sub_words_per_word_are_of_all_texts_of_a_language(self):
        one = stats.part(TASKS["snli"], "dev", "en", [_pair("ab", "cd")], letters)
        two = replace(one, task="other", own_words=6, own_subwords=8)
        assert stats.pieces_by_language([one, two]) == {"en": 1.5}

    @pytest.mark.usefixtures("project")
    def test_a_study_is_counted(self, capsys):
        assert main(["data", "stats", "smoke"]) == 0
        output = capsys.readouterr().out
        [line] = [line for line in output.splitlines() if line.startswith(" xnli")]
        assert line.split()[:5] == ["xnli", "test", "3", "×", "60"]
        assert "entailment" in line
        [line] = [line for line in output.splitlines() if line.startswith(" ru Russian")]
        assert line.split()[2:5] == ["Indo-European", "3", "180"]
        assert 1 <= float(line.split()[-1]) < 3

    @pytest.mark.usefixtures("project")
    def test_the_same_as_json(self, capsys):
        assert main(["data", "stats", "smoke", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["schema"], found["study"], found["model"]) == (1, "smoke", "mini-encoder")
        sizes = {(p["task"], p["split"], p["language"]): p["rows"] for p in found["parts"]}
        assert sizes["mnli", "train", "en"] == 256
        assert {key for key in sizes if key[0] == "tatoeba"} == {
            ("tatoeba", "test", "de"),
            ("tatoeba", "test", "ru"),
        }
        assert set(found["pieces_per_word"]) == {"de", "en", "ru"}
        assert all(sum(p["labels"].values()) for p in found["parts"] if p["task"] == "xnli")

    @pytest.mark.usefixtures("project")
    def test_an_unknown_model(self, capsys):
        assert main(["data", "stats", "smoke", "--model", "mini"]) == 2
        assert (
            "unknown model 'mini': there is mini-encoder, xlm-roberta-base"
            in capsys.readouterr().err
        )

    @pytest.mark.usefixtures("project")
    def test_without_a_tokenizer_the_words_are_counted(self, capsys):
        study = Path("pipelines/studies/smoke.yaml")
        study.write_text(study.read_text() + "from_scratch: true\n")
        assert main(["data", "stats", "smoke"]) == 0
        output = capsys.readouterr().out
        assert "No sub-words: mini-encoder is pretrained by this study" in output
        assert main(["data", "stats", "smoke", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["pieces_per_word"] == {}


def _pair(first, second):
    return {"id": "0", "text_a": first, "text_b": second, "label": 0}


class TestCheck:
    @pytest.mark.usefixtures("project")
    def test_a_study_of_the_world_has_no_problem(self, capsys):
        assert main(["data", "check", "smoke"]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        lines = [line.split() for line in captured.out.splitlines()]
        assert ["xnli", "test", "de", "en", "ru", "180", "none"] in lines

    def _mirror(self, tmp_path):
        root = tmp_path / "hub"
        mirrors.put(root, "mnli", mirrors.SNLI)
        mirrors.put(root, "mnli", mirrors.SNLI | {"label": [0, 9, 1]}, "validation_matched")
        mirrors.put(root, "xnli", {"premise": ["a"], "label": [0]}, "test")
        mirrors.put(root, "panx", mirrors.TAGGED)
        return root

    def test_all_problems_of_a_study_come_together(self, project, tmp_path, capsys):
        root = self._mirror(tmp_path)
        assert main(["data", "check", "smoke", "--mirror", str(root)]) == 2
        captured = capsys.readouterr()
        errors = captured.err.splitlines()
        assert all(line.startswith("error: ") for line in errors)
        for said in (
            "validation_matched.parquet (nyu-mll/glue, config mnli, split validation_matched), "
            "row 1, field label: label 9 is none of",
            "has no xnli in de (config de), ru (config ru); the languages there are en",
            "no column hypothesis; the columns are premise, label",
            "config PAN-X.en, has no split 'validation'; it has train",
            "config PAN-X.en, has no split 'test'; it has train",
            "has no tatoeba in de (config tatoeba.deu), ru (config tatoeba.rus)",
        ):
            assert [line for line in errors if said in line], (said, errors)
        lines = [line.split() for line in captured.out.splitlines()]
        assert ["mnli", "train", "en", "3", "none"] in lines
        assert ["mnli", "dev", "0", "1"] in lines
        assert not (project / "params.yaml").exists()

    @pytest.mark.usefixtures("project")
    def test_a_mirror_is_checked_against_the_whole_table(self, tmp_path, capsys):
        assert main(["data", "check", "--mirror", str(self._mirror(tmp_path))]) == 2
        captured = capsys.readouterr()
        named = {line.split()[0] for line in captured.out.splitlines()[1:] if line.strip()}
        assert named == set(TASKS)
        assert "has no data set rajpurkar/squad" in captured.err

    @pytest.mark.usefixtures("project")
    def test_a_mirror_that_is_none(self, capsys):
        assert main(["data", "check", "--mirror", "nowhere"]) == 2
        assert "the mirror nowhere is no folder" in capsys.readouterr().err

    def test_fewer_rows_are_read_when_asked(self, tmp_path):
        mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI | {"label": [0, 1, 9]})
        items = mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]})["tasks"]
        [found] = findings(items, limit=2)
        assert (found.rows, found.problems) == ({"en": 2}, [])
        [found] = findings(items)
        assert "row 2, field label: label 9" in found.problems[0]

    def test_labels_that_the_record_does_not_know_are_named_before_a_row_has_one(self, tmp_path):
        mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
        card = tmp_path / "hub" / "stanfordnlp" / "snli" / "README.md"
        lines = ["---", "dataset_info:", "  config_name: plain_text", "  features:"]
        for column in ("premise", "hypothesis"):
            lines += [f"  - name: {column}", "    dtype: string"]
        lines += ["  - name: label", "    dtype:", "      class_label:", "        names:"]
        names = ("entailment", "neutral", "contradiction", "hidden")
        lines += [f"          '{number}': {name}" for number, name in enumerate(names)]
        card.write_text("\n".join(lines) + "\n" + card.read_text()[4:])
        items = mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]})["tasks"]
        [found] = findings(items)
        [problem] = found.problems
        assert "column label: the source declares the labels hidden, which snli does" in problem
        assert "(stanfordnlp/snli, config plain_text, split train)" in problem

    def test_a_record_that_contradicts_itself_is_named_too(self, tmp_path):
        mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
        labels = ["entailment", "neutral", "neutral", "contradiction"]
        items = mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}, labels=labels)["tasks"]
        [found] = findings(items)
        assert [p for p in found.problems if "task snli" in p and "hold neutral twice" in p]

    @pytest.mark.usefixtures("project")
    @pytest.mark.parametrize("rows", ["0", "-3", "few"])
    def test_rows_must_be_a_number(self, rows, capsys):
        with pytest.raises(SystemExit) as raised:
            main(["data", "check", "smoke", "--rows", rows])
        assert raised.value.code == 2
        assert "is no number of rows" in capsys.readouterr().err
