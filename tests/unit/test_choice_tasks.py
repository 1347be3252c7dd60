"""Multiple choice from the hub: real slices, hand-made files in the hub's schema, wrong rows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import mirrors
import pytest
from tiny_models import tiny_backbone

from xstilts.data import canonical
from xstilts.data.canonical import data_path
from xstilts.data.convert import convert
from xstilts.data.prepare import prepare
from xstilts.data.rows import SourceRows
from xstilts.errors import UserError
from xstilts.files import read_json
from xstilts.study.check import read_study
from xstilts.study.fanout import pods
from xstilts.study.plan import stages
from xstilts.study.record import Study
from xstilts.study.resolve import resolve
from xstilts.tasks.choice_tasks import CHOICE_TASKS
from xstilts.tasks.table import TASKS

XCOPA_HELD = ["et", "id", "it", "qu", "ta", "tr", "zh"]
COPA: dict[str, Any] = {
    "premise": ["The pipe froze.", "He slept."],
    "choice1": ["It burst.", "He was tired."],
    "choice2": ["It sang.", "He was late."],
    "question": ["effect", "cause"],
    "idx": [0, 1],
    "label": [0, 0],
}
XCSQA: dict[str, Any] = {
    "id": ["be19", "c0de"],
    "lang": ["en", "en"],
    "question": [
        {"stem": stem, "choices": {"label": list("ABCDE"), "text": texts}}
        for stem, texts in (
            ("Where do fish live?", ["sky", "sea", "sand", "tree", "cave"]),
            ("What do cows eat?", ["grass", "iron", "glass", "sand", "salt"]),
        )
    ],
    "answerKey": ["B", "A"],
}
STORY: dict[str, Any] = {
    "story_id": ["s1", "s2"],
    **{f"input_sentence_{i}": [f"Sentence {i}.", f"Line {i}."] for i in range(1, 5)},
    "sentence_quiz1": ["A good end.", "A wrong end."],
    "sentence_quiz2": ["A bad end.", "A right end."],
    "answer_right_ending": [1, 2],
}
HAND_MADE: dict[str, tuple[dict[str, Any], str]] = {
    "copa": (COPA, "train"),
    "x_csqa": (XCSQA, "validation"),
    "xstory_cloze": (STORY, "train"),
}


def _prepared(
    root: Path, tmp_path: Path, name: str, splits: dict[str, str], langs: tuple[str, ...] = ("en",)
) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Canonical rows per split and language of what a mirror holds."""
    wanted = {split: list(langs) for split in splits}
    prepare(mirrors.entry(root, name, wanted, splits=splits), tmp_path / "data")
    return {
        (split, lang): canonical.rows(data_path(tmp_path / "data", name, split, lang))
        for split in splits
        for lang in langs
    }


def test_a_question_of_x_csqa_with_an_empty_choice_is_left_out(tmp_path):
    columns = {name: list(values) for name, values in XCSQA.items()}
    question = {
        "stem": "Was?",
        "choices": {"label": list("ABCDE"), "text": ["a", "", "c", "d", "e"]},
    }
    columns["question"] = [question, columns["question"][1]]
    mirrors.put(tmp_path / "mirror", "x_csqa", columns, "validation")
    found = _prepared(tmp_path / "mirror", tmp_path, "x_csqa", {"test": "validation"})
    assert [row["id"] for row in found["test", "en"]] == ["c0de"]
    files = read_json(tmp_path / "data" / "provenance.json")["files"]
    assert files["x_csqa/test/en.arrow"]["dropped"] == {"empty text": 1}


def _failure(root: Path, tmp_path: Path, name: str, split: str) -> list[str]:
    entry = mirrors.entry(root, name, {"train": ["en"]}, splits={"train": split})
    with pytest.raises(UserError) as error:
        prepare(entry, tmp_path / "data")
    return error.value.problems


def _row(name: str, columns: dict[str, Any]) -> dict[str, Any]:
    """The first canonical row of hand-made columns."""
    rows = [{key: values[0] for key, values in columns.items()}]
    source = SourceRows(rows=rows, numbers=[0], where="f", columns=tuple(columns))
    return convert(source, TASKS[name], "en").rows[0]


def test_social_iqa_on_real_rows(shared, tmp_path):
    found = _prepared(shared / "hub", tmp_path, "siqa", {"train": "train"})["train", "en"]
    assert found[0] == {
        "id": "0",
        "prompt": "Tracy didn't go home that evening and resisted Riley's attacks. "
        "What does Tracy need to do before this?",
        "choices": ["make a new plan", "Go home and see Riley", "Find somewhere to go"],
        "label": 2,
    }
    assert len(found) == 2


def test_copa_on_real_rows(shared, tmp_path):
    splits = {"train": "train", "dev": "validation"}
    found = _prepared(shared / "hub", tmp_path, "copa", splits)
    assert {key: len(rows) for key, rows in found.items()} == {
        ("train", "en"): 400,
        ("dev", "en"): 50,
    }
    assert found["train", "en"][0] == {
        "id": "0",
        "prompt": "My body cast a shadow over the grass. What was the cause?",
        "choices": ["The sun was rising.", "The grass was cut."],
        "label": 0,
    }
    assert 150 < sum(row["label"] for row in found["train", "en"]) < 250


def test_xcopa_on_real_rows_of_all_languages_there(shared, tmp_path):
    splits = TASKS["xcopa"].source.splits
    found = _prepared(shared / "hub", tmp_path, "xcopa", splits, tuple(XCOPA_HELD))
    assert {len(rows) for (split, _), rows in found.items() if split == "dev"} == {100}
    assert {len(rows) for (split, _), rows in found.items() if split == "test"} == {500}
    labels = {lang: [row["label"] for row in found["test", lang]] for lang in XCOPA_HELD}
    assert all(own == labels["et"] for own in labels.values())  # one test set, translated
    assert found["test", "et"][1]["prompt"] == "Ma tühjendasin oma taskud. What was the effect?"
    files = read_json(tmp_path / "data" / "provenance.json")["files"]
    assert TASKS["xcopa"].source.note in files["xcopa/test/et.arrow"]["notes"]


def test_cosmos_qa_on_real_rows(shared, tmp_path):
    splits = {"train": "validation[:80%]", "dev": "validation[80%:]"}
    found = _prepared(shared / "hub", tmp_path, "cosmos_qa", splits)
    assert [len(rows) for rows in found.values()] == [120, 30]
    first = found["train", "en"][0]
    assert first["prompt"].startswith("Do i need to go for a legal divorce ?")
    assert first["prompt"].endswith("complication ? Why is this person asking about divorce ?")
    assert first["choices"][3] == "None of the above choices ."
    assert first["label"] == 1


def test_the_test_split_of_copa_has_placeholder_labels(shared, tmp_path):
    found = _failure(shared / "hub", tmp_path, "copa", "test")
    where = "copa/test.parquet (aps/super_glue, config copa, split test), row 0, field label: "
    assert where + "label -1 says that the row has no gold label" in found[0]
    assert found[-1].endswith("and 230 more problems of this kind.")


def test_hand_made_files_in_the_schema_of_the_hub(tmp_path):
    for name, (columns, split) in HAND_MADE.items():
        mirrors.put(tmp_path / "hub", name, columns, split)
    found = {
        name: _prepared(tmp_path / "hub", tmp_path / name, name, {"train": split})["train", "en"]
        for name, (_, split) in HAND_MADE.items()
    }
    assert found["copa"][1]["prompt"] == "He slept. What was the cause?"
    assert found["x_csqa"][0] == {
        "id": "be19",
        "prompt": "Where do fish live?",
        "choices": ["sky", "sea", "sand", "tree", "cave"],
        "label": 1,
    }
    assert found["xstory_cloze"][1] == {
        "id": "s2",
        "prompt": "Line 1. Line 2. Line 3. Line 4.",
        "choices": ["A wrong end.", "A right end."],
        "label": 1,
    }


def test_japanese_has_a_code_of_its_own_in_x_csqa():
    source = TASKS["x_csqa"].source
    assert (source.config_of("ja"), source.config_of("sw")) == ("X-CSQA-jap", "X-CSQA-sw")


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("copa", {"label": [0, -1]}, "row 1, field label: label -1 says that the row has no"),
        ("copa", {"label": [0, 2]}, "row 1, field label: label 2 is none of 0..1 (0, 1)"),
        (
            "copa",
            {"choice2": ["It sang.", None]},
            "row 1, field choices[1] (column choice2): there is no value",
        ),
        ("copa", {"choice1": [" ", "a"]}, "row 0, field choices[0] (column choice1): the text ''"),
        ("copa", {"question": ["effect", None]}, "row 1, field prompt (column {premise} What was"),
        ("x_csqa", {"answerKey": ["B", ""]}, "label '' says that the row has no gold label"),
        ("x_csqa", {"answerKey": ["B", "F"]}, "label 'F' is none of 0..4 (A, B, C, D, E)"),
        ("xstory_cloze", {"answer_right_ending": [1, 3]}, "label '3' is none of 0..1 (1, 2)"),
    ],
)
def test_wrong_row_is_named_with_its_place(name, change, said, tmp_path):
    columns, split = HAND_MADE[name]
    mirrors.put(tmp_path / "hub", name, columns | change, split)
    [problem] = _failure(tmp_path / "hub", tmp_path, name, split)
    source = TASKS[name].source
    assert f"({source.hub}, config {source.config_of('en')}, split {split})" in problem
    assert said in problem


def test_choices_of_unequal_number_are_named(tmp_path):
    rows = [dict(row) for row in XCSQA["question"]]
    rows[1] = {"stem": "?", "choices": {"label": list("ABCD"), "text": list("abcd")}}
    mirrors.put(tmp_path / "hub", "x_csqa", XCSQA | {"question": rows}, "validation")
    [problem] = _failure(tmp_path / "hub", tmp_path, "x_csqa", "validation")
    assert "row 1, field choices (column question.choices.text): 4 choices instead of 5" in problem


def test_a_lost_choice_column_is_named(tmp_path):
    columns = {name: values for name, values in COPA.items() if name != "choice2"}
    mirrors.put(tmp_path / "hub", "copa", columns)
    [problem] = _failure(tmp_path / "hub", tmp_path, "copa", "train")
    assert "no column choice2; the columns are premise, choice1, question, idx, label" in problem


def test_blanked_labels_are_no_gold_labels():
    task, row = TASKS["xcopa"], _row("copa", COPA)
    found = canonical.validate([row] * 30, task, "f", range(70, 100))
    assert found == [
        "f, rows 70..99, field label: all 30 labels say the first choice, as where gold labels "
        "were blanked; use a source with gold labels."
    ]
    assert canonical.validate([row] * 29 + [row | {"label": 1}], task, "f") == []
    assert canonical.validate([row] * 5, task, "f") == []


def test_a_list_of_columns_may_hold_parts_of_columns():
    source = replace(
        TASKS["copa"].source, columns={"choices": "a.x | b", "prompt": "p", "label": "l"}
    )
    rows = [{"a": {"x": "one"}, "b": "two", "p": "?", "l": 1}]
    given = SourceRows(rows=rows, numbers=[0], where="f", columns=("a", "b", "p", "l"))
    task = replace(TASKS["copa"], source=source)
    assert convert(given, task, "en").rows[0]["choices"] == ["one", "two"]
    with pytest.raises(UserError, match="no column b"):
        convert(replace(given, columns=("a", "p", "l")), task, "en")


def test_the_facts_about_the_data_sets_hold(shared):
    import yaml

    facts = yaml.safe_load((shared / "facts" / "tasks.yaml").read_text(encoding="utf-8"))
    xcopa, cosmos = facts["target_tasks"]["xcopa"], facts["intermediate_tasks"]["cosmos_qa"]
    assert set(TASKS["xcopa"].languages) == set(xcopa["languages"])
    official = xcopa["hparams_xtreme_xlmr_large"]
    for name in ("xcopa", "copa", "siqa"):
        ours = TASKS[name].hparams
        assert (ours.learning_rate, ours.epochs) == (official["learning_rate"], official["epochs"])
        assert (ours.batch_size, ours.max_length) == (
            official["effective_batch_size"],
            official["max_seq_length"],
        )
    assert TASKS["cosmos_qa"].choices == cosmos["num_choices"]
    hubs = {entry["id"] for entry in xcopa["hub"]} | {cosmos["hub"][0]["id"]}
    assert {TASKS[name].source.hub for name in ("xcopa", "copa", "cosmos_qa")} <= hubs


def test_every_record_says_where_it_is_from():
    for task in CHOICE_TASKS:
        assert task.licence, task.name
        assert "https://" in task.reference, task.name


STUDY = """
name: reasoning
question: Does it transfer?
benchmark: xtreme-r
source: world
models: [mini-encoder]
recipes: {none: [], siqa: [siqa]}
baseline: none
targets: [xcopa]
seeds: [0]
sizes: {train: 50, dev: 10, test: 10}
"""


def _study(tmp_path: Path, more: str) -> Study:
    path = tmp_path / "reasoning.yaml"
    path.write_text(STUDY + more, encoding="utf-8")
    return read_study(path)


def test_a_source_with_another_number_of_choices_is_refused_with_both_numbers(tmp_path):
    with pytest.raises(UserError) as error:
        _study(tmp_path, "tasks: {xcopa: {train_from: siqa}}")
    [problem] = error.value.problems
    assert "xcopa cannot be trained from siqa" in problem
    assert "they differ in choices (xcopa has 2, siqa 3)." in problem


def test_xcopa_has_no_english_and_trains_on_copa_after_siqa(tmp_path):
    study = _study(tmp_path, "tasks: {xcopa: {languages: [sw, tr]}}")
    params = resolve(study)
    prepared = {name: entry["tasks"][0] for name, entry in params["prepare"].items()}
    assert {name: part["splits"] for name, part in prepared.items()} == {
        "siqa": {"train": ["en"], "dev": ["en"]},
        "copa": {"train": ["en"], "dev": ["en"]},
        "xcopa": {"test": ["sw", "tr"]},
    }
    finetune = params["finetune"]["mini-encoder-siqa-siqa-0"]
    assert finetune["init"] == "models/intermediate/mini-encoder-siqa-0"
    assert [part["name"] for part in params["intermediate"]["mini-encoder-siqa-0"]["tasks"]] == [
        "siqa"
    ]


def test_in_xtreme_r_copa_goes_on_from_siqa_with_its_head(tmp_path):
    params = resolve(_study(tmp_path, ""))
    assert list(params["finetune"]) == [
        "mini-encoder-none-siqa-0", "mini-encoder-none-copa-0",
        "mini-encoder-siqa-siqa-0", "mini-encoder-siqa-copa-0",
    ]  # fmt: skip
    first, second = (params["finetune"][f"mini-encoder-none-{name}-0"] for name in ("siqa", "copa"))
    assert first["init"] == "models/backbone/mini-encoder"
    assert "head" not in first
    assert second["init"] == "models/finetune/mini-encoder-none-siqa-0"
    assert second["head"] == "siqa"
    assert params["evaluate"]["mini-encoder-none-xcopa-0"]["head"] == "copa"


def test_a_pod_trains_on_siqa_and_then_on_copa(tmp_path):
    plan = stages(resolve(_study(tmp_path, "")))
    item = pods(plan, ()).trained[0]
    assert item.finetune == (
        "finetune@mini-encoder-none-siqa-0",
        "finetune@mini-encoder-none-copa-0",
    )
    assert item.evaluate == ("evaluate@mini-encoder-none-xcopa-0",)
    known = pods(plan, {"finetune@mini-encoder-none-siqa-0"}).trained[0]
    assert known.finetune == ("finetune@mini-encoder-none-copa-0",)


def test_outside_xtreme_r_copa_trains_alone(tmp_path):
    path = tmp_path / "reasoning.yaml"
    path.write_text(STUDY.replace("xtreme-r", "xtreme"), encoding="utf-8")
    params = resolve(read_study(path))
    assert params["finetune"]["mini-encoder-none-copa-0"]["init"] == "models/backbone/mini-encoder"
    assert "siqa" not in "".join(key for key in params["finetune"] if "-none-" in key)


@pytest.fixture
def siqa_model(tmp_path):
    from xstilts.models.body import load_body, load_tokenizer
    from xstilts.models.checkpoint import save_model
    from xstilts.models.heads import TaskModel

    tiny_backbone(tmp_path / "backbone")
    model = TaskModel(load_body(tmp_path / "backbone"), [TASKS["siqa"]], seed=1)
    save_model(tmp_path / "siqa", model, load_tokenizer(tmp_path / "backbone"), [TASKS["siqa"]])
    return model, tmp_path / "siqa"


def test_a_head_is_taken_over_although_the_number_of_choices_differs(siqa_model):
    from xstilts.models.body import load_body
    from xstilts.models.checkpoint import adopt_head
    from xstilts.models.heads import TaskModel

    model, folder = siqa_model
    other = TaskModel(load_body(folder), [TASKS["copa"]], seed=2)
    wanted, mine = model.heads["siqa"].state_dict(), other.heads["copa"].state_dict()
    assert not wanted["dense.weight"].equal(mine["dense.weight"])
    adopt_head(other, "copa", folder, "siqa")
    mine = other.heads["copa"].state_dict()
    assert all(mine[name].equal(tensor) for name, tensor in wanted.items())


def test_a_head_that_is_not_there_is_named(siqa_model):
    from xstilts.models.body import load_body
    from xstilts.models.checkpoint import adopt_head
    from xstilts.models.heads import TaskModel

    _, folder = siqa_model
    other = TaskModel(load_body(folder), [TASKS["copa"]], seed=2)
    with pytest.raises(UserError, match=r"has no tensor 'cosmos_qa\.dense\.weight'"):
        adopt_head(other, "copa", folder, "cosmos_qa")
