"""Every wrong input ends in one `UserError` that says where, and leaves nothing behind."""

import shutil
from pathlib import Path
from typing import Any

import mirrors
import pyarrow as pa
import pytest

from xstilts.data.prepare import prepare
from xstilts.errors import UserError
from xstilts.tasks.table import TASKS


def failure(entry: dict[str, Any], tmp_path: Path) -> list[str]:
    """Problems that `prepare` reports, after checking that it wrote nothing."""
    out = tmp_path / "out"
    with pytest.raises(UserError) as error:
        prepare(entry, out / "data")
    assert not list(out.iterdir())
    return error.value.problems


def one_failure(
    tmp_path: Path, task: str, columns: Any, split: str = "train", **overrides: Any
) -> str:
    """The one problem of a mirror with these columns."""
    mirrors.put(tmp_path / "hub", task, columns, split)
    wanted = {ours: ["en"] for ours, theirs in TASKS[task].source.splits.items() if theirs == split}
    [problem] = failure(mirrors.entry(tmp_path / "hub", task, wanted, **overrides), tmp_path)
    return problem


@pytest.mark.parametrize(
    ("label", "said"),
    [(7, "label 7 is none of 0..2"), (-2, "label -2 is none of"), (None, "label None is none of")],
)
def test_bad_label(label, said, tmp_path):
    problem = one_failure(tmp_path, "snli", mirrors.SNLI | {"label": [0, label, 1]})
    assert "plain_text/train.parquet" in problem
    assert f"row 1, field label: {said}" in problem


def test_bad_label_text(tmp_path):
    columns = mirrors.SNLI | {"label": ["entailment", "neutral", "perhaps"]}
    assert "row 2, field label: label 'perhaps'" in one_failure(tmp_path, "snli", columns)


def test_placeholder_label_is_refused_where_it_is_not_declared(tmp_path):
    columns = mirrors.SNLI | {"label": [0, -1, 1]}
    problem = one_failure(tmp_path, "snli", columns, drop_labels=[])
    assert "row 1" in problem
    assert "source.drop_labels" in problem


@pytest.mark.parametrize(
    ("task", "columns", "said"),
    [
        (
            "snli",
            {"premise": ["a"] * 24, "hypothesis": ["b"] * 24, "label": [0] * 24},
            "rows 0..23, field label: all 24 labels say entailment",
        ),
        (
            "panx",
            {"tokens": [["a", "b"]] * 24, "ner_tags": [[0, 0]] * 24},
            "rows 0..23, field tags: all 48 labels say O",
        ),
        (
            "squad_v2",
            {
                "id": [f"q{i}" for i in range(24)],
                "context": ["Ana lives in Lima."] * 24,
                "question": ["Where does Ana live?"] * 24,
                "answers": pa.array(
                    [{"text": [], "answer_start": []}] * 24,
                    pa.struct(
                        [("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int64()))]
                    ),
                ),
            },
            "rows 0..23, field answers: none of 24 questions has an answer",
        ),
    ],
)
def test_placeholder_labels_of_a_blanked_test_set(task, columns, said, tmp_path):
    problem = one_failure(tmp_path, task, columns)
    source = TASKS[task].source
    assert f"({source.hub}, config {source.config_of('en')}, split train)" in problem
    assert said in problem
    assert "were blanked; use a source with gold" in problem


def test_rows_of_one_label_are_no_placeholders_when_they_are_few(tmp_path):
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI | {"label": [1, 1, 1]})
    prepare(mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}), tmp_path / "data")
    assert (tmp_path / "data" / "provenance.json").is_file()


def test_labels_without_a_column(tmp_path):
    columns = {name: mirrors.SNLI[name] for name in ("premise", "hypothesis")}
    problem = one_failure(tmp_path, "snli", columns)
    assert "no column label; the columns are premise, hypothesis" in problem


@pytest.mark.parametrize(
    ("task", "columns", "split"),
    [
        ("xnli", {name: [] for name in mirrors.SNLI}, "test"),
        ("xquad", {name: [] for name in mirrors.SQUAD}, "validation"),
    ],
)
def test_a_language_without_rows(task, columns, split, tmp_path):
    problem = one_failure(tmp_path, task, columns, split)
    source = TASKS[task].source
    assert f"{source.hub}/{source.config_of('en')}/{split}.parquet ({source.hub})" in problem
    assert "there are no rows; leave the language out" in problem


def test_a_language_without_lines(tmp_path):
    file = mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    card = tmp_path / "hub" / "stanfordnlp" / "snli" / "README.md"
    card.write_text(card.read_text().replace("parquet", "jsonl"))
    file.unlink()
    file.with_suffix(".jsonl").write_text("")
    [problem] = failure(mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}), tmp_path)
    assert "plain_text/train.jsonl (stanfordnlp/snli)" in problem
    assert "there are no rows" in problem


def test_labels_that_the_source_names_twice(tmp_path):
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    card = tmp_path / "hub" / "stanfordnlp" / "snli" / "README.md"
    names = ["          '0': entailment", "          '1': neutral", "          '2': neutral"]
    lines = ["---", "dataset_info:", "  config_name: plain_text", "  features:"]
    lines += ["  - name: premise", "    dtype: string", "  - name: hypothesis"]
    lines += ["    dtype: string", "  - name: label", "    dtype:", "      class_label:"]
    card.write_text("\n".join([*lines, "        names:", *names]) + "\n" + card.read_text()[4:])
    [problem] = failure(mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}), tmp_path)
    assert "stanfordnlp/snli" in problem
    assert "unique" in problem


def test_only_rows_without_label(tmp_path):
    columns = mirrors.SNLI | {"label": [-1, -1, -1]}
    assert "no row is left for snli train en" in one_failure(tmp_path, "snli", columns)


def test_span_outside_the_context(tmp_path):
    answers = [mirrors.SQUAD["answers"][0], {"text": ["1990"], "answer_start": [99]}]
    problem = one_failure(tmp_path, "squad", mirrors.SQUAD | {"answers": answers})
    assert "row 1, field answers[0].start: span 99..103 of '1990' lies outside" in problem


def test_answer_that_does_not_stand_in_the_context(tmp_path):
    answers = [mirrors.SQUAD["answers"][0], {"text": ["1991"], "answer_start": [24]}]
    columns = mirrors.SQUAD | {"answers": answers}
    problem = one_failure(tmp_path, "xquad", columns, "validation")
    assert "google/xquad, config xquad.en, split validation" in problem
    found = "field answers[0].start: '1991' does not stand at 24, '1990' does, nor anywhere else"
    assert f"row 1, {found}" in problem


def test_answer_that_stands_elsewhere(tmp_path):
    answers = [mirrors.SQUAD["answers"][0], {"text": ["Rome"], "answer_start": [24]}]
    problem = one_failure(tmp_path, "squad", mirrors.SQUAD | {"answers": answers})
    assert "'Rome' does not stand at 24, '1990' does (it stands at 16)" in problem


def test_blanked_answers(tmp_path):
    columns = mirrors.SQUAD | {"answers": [{"text": [""], "answer_start": [0]}] * 2}
    mirrors.put(tmp_path / "hub", "squad", columns)
    found = failure(mirrors.entry(tmp_path / "hub", "squad", {"train": ["en"]}), tmp_path)
    assert [p for p in found if "row 0, field answers[0].text: the text '' is empty" in p]


def test_tokens_and_tags_of_different_length(tmp_path):
    problem = one_failure(tmp_path, "panx", mirrors.TAGGED | {"ner_tags": [[1, 0], [5, 5]]})
    assert "row 1, field tags (column ner_tags): 1 tokens but 2 tags" in problem


def test_empty_text(tmp_path):
    problem = one_failure(tmp_path, "snli", mirrors.SNLI | {"premise": ["a", "  ", "c"]})
    assert "row 1, field text_a (column premise): the text '' is empty" in problem


def test_broken_utf8(tmp_path):
    raw = pa.array([b"fine", b"caf\xe9", b"fine"])
    text = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    problem = one_failure(tmp_path, "snli", mirrors.SNLI | {"hypothesis": text})
    assert "row 1, field text_b (column hypothesis): broken UTF-8 in 'caf\\udce9'" in problem


def test_missing_column(tmp_path):
    columns = {name: mirrors.SNLI[name] for name in ("premise", "label")}
    problem = one_failure(tmp_path, "snli", columns)
    assert "no column hypothesis; the columns are premise, label" in problem


def test_missing_repository(tmp_path):
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    entry = mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}, hub="stanfordnlp/snil")
    [problem] = failure(entry, tmp_path)
    assert (
        "has no data set stanfordnlp/snil (of 1 there): did you mean stanfordnlp/snli, or"
        in problem
    )


def test_missing_config(tmp_path):
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    entry = mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}, config="plain")
    [problem] = failure(entry, tmp_path)
    assert "has no config 'plain'; it has plain_text" in problem


def test_missing_split(tmp_path):
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    [problem] = failure(mirrors.entry(tmp_path / "hub", "snli", {"dev": ["en"]}), tmp_path)
    assert "config plain_text, has no split 'validation'; it has train" in problem


def test_split_that_the_record_does_not_declare(tmp_path):
    mirrors.put(tmp_path / "hub", "squad", mirrors.SQUAD)
    [problem] = failure(mirrors.entry(tmp_path / "hub", "squad", {"test": ["en"]}), tmp_path)
    assert "task squad declares no test split in rajpurkar/squad; it declares train, dev" in problem


def test_slice_without_rows(tmp_path):
    problem = one_failure(
        tmp_path, "snli", mirrors.SNLI, splits={"train": "train[3:]", "dev": "validation"}
    )
    assert "no row is left for snli train en (split expression 'train[3:]'" in problem


def test_missing_languages_are_named_once_with_those_there(tmp_path):
    mirrors.put(tmp_path / "hub", "xnli", mirrors.SNLI, "test")
    entry = mirrors.entry(tmp_path / "hub", "xnli", {"test": ["en", "de", "sw"]})
    [problem] = failure(entry, tmp_path)
    assert "has no xnli in de (config de), sw (config sw); the languages there are en" in problem


def test_language_that_the_task_does_not_have(tmp_path):
    mirrors.put(tmp_path / "hub", "xnli", mirrors.SNLI, "test")
    [problem] = failure(mirrors.entry(tmp_path / "hub", "xnli", {"test": ["ja"]}), tmp_path)
    assert "task xnli has no language ja; it has ar, bg" in problem


def test_language_missing_in_a_mixed_split(tmp_path):
    columns = mirrors.SQUAD | {"id": ["english-1", "finnish-2"]}
    mirrors.put(tmp_path / "hub", "tydiqa", columns, "validation")
    entry = mirrors.entry(tmp_path / "hub", "tydiqa", {"test": ["fi", "sw"]})
    [problem] = failure(entry, tmp_path)
    assert "no id starts with swahili- (Swahili); there are english, finnish" in problem


def test_truncated_file(tmp_path):
    file = mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    file.write_bytes(file.read_bytes()[:-100])
    [problem] = failure(mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}), tmp_path)
    assert problem.startswith(f"{file} (stanfordnlp/snli) is truncated")
    assert problem.endswith("an interrupted download? Fetch the file again.")


def test_file_with_damaged_pages(tmp_path):
    file = mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    damaged = bytearray(file.read_bytes())
    damaged[4:60] = bytes(56)
    file.write_bytes(damaged)
    [problem] = failure(mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}), tmp_path)
    assert str(file) in problem


def test_missing_shard(tmp_path):
    file = mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    file.rename(file.with_name("train-00000-of-00003.parquet"))
    [problem] = failure(mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}), tmp_path)
    assert "1 of 3 files are there; an interrupted download?" in problem


def test_fewer_rows_than_the_card_says(tmp_path):
    file = mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    card = file.parent.parent / "README.md"
    lines = ["---", "dataset_info:", "  config_name: plain_text", "  splits:"]
    lines += ["  - name: train", "    num_bytes: 1", "    num_examples: 4"]
    card.write_text("\n".join(lines) + "\n" + card.read_text()[4:])
    [problem] = failure(mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}), tmp_path)
    assert "3 rows, but the data set's card (README.md) says 4" in problem


def test_unreadable_card(tmp_path):
    file = mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    (file.parent.parent / "README.md").write_text("---\nconfigs: [\n---\n")
    [problem] = failure(mirrors.entry(tmp_path / "hub", "snli", {"train": ["en"]}), tmp_path)
    assert "could not be read (ParserError" in problem


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"kind": "mirror", "path": "/no/such/mirror"}, "mirror /no/such/mirror is no folder"),
        ({"kind": "mirror"}, "needs a path"),
        ({"kind": "web"}, "source kind 'web' is unknown; choose one of world, mirror, hub"),
        ({}, "source kind None is unknown"),
    ],
)
def test_wrong_source(source, said, tmp_path):
    entry = mirrors.entry(tmp_path, "snli", {"train": ["en"]})
    entry["tasks"][0]["source"] = source
    [problem] = failure(entry, tmp_path)
    assert said in problem


def test_problems_of_all_files_come_together(tmp_path):
    root = tmp_path / "hub"
    mirrors.put(root, "snli", mirrors.SNLI | {"label": [0, 7, 8]})
    mirrors.put(root, "snli", mirrors.SNLI | {"premise": ["a", "", "c"]}, "validation")
    mirrors.put(root, "panx", mirrors.TAGGED | {"ner_tags": [[1], [5]]})
    entry = mirrors.entry(root, "snli", {"train": ["en"], "dev": ["en"]})
    entry["tasks"] += mirrors.entry(root, "panx", {"train": ["en"]})["tasks"]
    found = failure(entry, tmp_path)
    assert len(found) == 4
    assert ["label 7" in found[0], "label 8" in found[1], "premise" in found[2]] == [True] * 3
    assert "1 tags" in found[3]


class TestBuccTexts:
    @pytest.fixture
    def root(self, tmp_path, shared):
        """A mirror with the first lines of the real text layout."""
        source = TASKS["bucc2018"].source
        pattern = Path(source.files)
        (tmp_path / "hub" / pattern.parent).mkdir(parents=True)
        mirrors.put(tmp_path / "hub", "bucc2018", {"source_lang": ["x"]}, "validation")
        for part in ("zh", "en", "gold"):
            name = pattern.name.format(lang="zh", split="dev", part=part)
            shutil.copy(shared / "hub" / pattern.parent / name, tmp_path / "hub" / pattern.parent)
        return tmp_path / "hub"

    @pytest.fixture
    def text(self, root):
        return next(root.rglob("zh-en.dev.zh"))

    def _failure(self, root, tmp_path):
        return failure(mirrors.entry(root, "bucc2018", {"dev": ["zh"]}), tmp_path)

    def test_missing_gold(self, root, text, tmp_path):
        text.with_name("zh-en.dev.gold").unlink()
        [problem] = self._failure(root, tmp_path)
        assert "zh-en.dev.gold is missing beside its sister files" in problem

    def test_broken_utf8(self, root, text, tmp_path):
        lines = text.read_bytes().split(b"\n")
        lines[3] = b"zh-1\tcaf\xe9"
        text.write_bytes(b"\n".join(lines))
        [problem] = self._failure(root, tmp_path)
        assert f"{text}, row 3: broken UTF-8" in problem

    def test_line_without_tab(self, root, text, tmp_path):
        text.write_text("zh-9 hello\n" + text.read_text(encoding="utf-8"), encoding="utf-8")
        [problem] = self._failure(root, tmp_path)
        assert "row 0: no tab in 'zh-9 hello'" in problem

    def test_repeated_id(self, root, text, tmp_path):
        first = text.read_text(encoding="utf-8").splitlines()[0]
        text.write_text(f"{first}\n{text.read_text(encoding='utf-8')}", encoding="utf-8")
        [problem] = self._failure(root, tmp_path)
        assert "row 1: id 'zh-000000001' appears twice" in problem

    def test_gold_without_sentence(self, root, text, tmp_path):
        gold = text.with_name("zh-en.dev.gold")
        gold.write_text(gold.read_text() + "zh-000000001\ten-77\n")
        [problem] = self._failure(root, tmp_path)
        assert "sentence 'en-77' is in neither text" in problem

    def test_neither_texts_nor_pairs_in_a_language(self, root, tmp_path):
        entry = mirrors.entry(root, "bucc2018", {"dev": ["fr"]})
        [problem] = failure(entry, tmp_path)
        assert "has no bucc2018 in fr (config bucc18.fr); the languages there are zh" in problem
