"""Encoding of pairs and choices, and what all formats share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import a_task, choice_task, pair_task, tiny_tokenizer
from tiny_rows import choice_rows, pair_rows

from xstilts.errors import UserError
from xstilts.tasks import classification, mining, multiple_choice, retrieval
from xstilts.tasks.encoding import Template, fit_longest_first, pad, pieces
from xstilts.tasks.formats import FORMATS, format_of, truncated
from xstilts.tasks.table import TASKS

TOKENIZER = tiny_tokenizer()
LONG = "the cat sees the dog " * 12


def _row(first: str, second: str) -> dict[str, object]:
    return {"id": "0", "text_a": first, "text_b": second, "label": 1}


def test_every_task_of_the_table_has_a_format_and_the_others_are_named():
    assert {format_of(task).__name__ for task in TASKS.values()} <= {
        f"xstilts.tasks.{name}" for name in FORMATS
    }
    with pytest.raises(UserError, match=r"'ranking'.*classification, regression"):
        format_of(a_task("x", "ranking"))


def test_a_pair_is_encoded_as_the_tokenizer_itself_does():
    rows = pair_rows(20)
    features = classification.encode(rows, TOKENIZER, pair_task(), train=True)
    expected = TOKENIZER([r["text_a"] for r in rows], [r["text_b"] for r in rows])["input_ids"]
    assert [f["input_ids"] for f in features] == expected
    assert [f["label"] for f in features] == [r["label"] for r in rows]
    assert [f["row"] for f in features] == list(range(20))
    assert truncated(features) == 0


def test_an_empty_second_text_means_a_single_text():
    (feature,) = classification.encode([_row("the cat", "")], TOKENIZER, pair_task(), train=False)
    assert feature["input_ids"] == TOKENIZER("the cat")["input_ids"]
    assert "label" not in feature


@pytest.mark.parametrize(
    ("first", "second"), [(LONG, "the dog"), ("the dog", LONG), (LONG, LONG), (LONG, "cat " * 25)]
)
def test_a_long_pair_is_cut_like_the_tokenizers_own_longest_first(first: str, second: str):
    task = pair_task(max_length=30)
    (feature,) = classification.encode([_row(first, second)], TOKENIZER, task, train=False)
    expected = TOKENIZER(first, second, truncation="longest_first", max_length=30)
    assert feature["input_ids"] == expected["input_ids"]
    assert feature["truncated"]


@given(st.integers(0, 60), st.integers(0, 60), st.integers(2, 50))
def test_longest_first_fills_the_room_and_takes_from_the_longer(first: int, second: int, room: int):
    kept = fit_longest_first(first, second, room)
    assert kept[0] <= first
    assert kept[1] <= second
    assert sum(kept) == min(room, first + second)
    if kept[0] < first and kept[1] < second:
        assert abs(kept[0] - kept[1]) <= 1


def test_the_models_own_limit_cuts_too():
    (feature,) = classification.encode(
        [_row(LONG, LONG)], tiny_tokenizer(max_length=20), pair_task(max_length=48), train=False
    )
    assert feature["length"] == len(feature["input_ids"]) == 20


def test_segments_follow_the_tokenizer():
    tokenizer = tiny_tokenizer()
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    task, rows = pair_task(), [_row("the cat", "dog"), _row("the big old cat sees", "the dog")]
    batch = classification.collate(classification.encode(rows, tokenizer, task, train=True), 1)
    ids, segments = batch["input_ids"], batch["token_type_ids"]
    assert segments[0].tolist() == [0] * 5 + [1] * 2 + [0] * (ids.shape[1] - 7)
    assert ids[0, 5] != 1
    assert ids[0, 7] == 1


def test_template_is_read_from_the_tokenizer():
    template = Template.of(TOKENIZER)
    assert template.single == ([0], [2])
    assert template.pair == ([0], [2, 2], [2])
    assert template.room(10, pair=True) == 6
    assert not template.segments


def test_equal_texts_share_their_pieces():
    first, second, third = pieces(TOKENIZER, ["the cat", "dog", "the cat"])
    assert first is third
    assert first != second
    assert pieces(TOKENIZER, []) == []


def test_padding_is_masked():
    batch = pad([{"input_ids": [0, 7, 2]}, {"input_ids": [0, 2]}], pad_id=1)
    assert batch["input_ids"].tolist() == [[0, 7, 2], [0, 2, 1]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]


def test_predictions_are_in_the_order_of_the_rows():
    rows = pair_rows(3)
    features = classification.encode(rows, TOKENIZER, pair_task(), train=False)[::-1]
    logits = [[0.1, 0.9], [0.9, 0.1], [0.2, 0.3]]
    assert classification.decode(logits, features, rows, pair_task()) == [1, 0, 1]


def test_choices_are_pairs_of_the_prompt_and_each_choice():
    rows = choice_rows(4)
    features = multiple_choice.encode(rows, TOKENIZER, choice_task(), train=True)
    expected = TOKENIZER([rows[1]["prompt"]] * 3, rows[1]["choices"])["input_ids"]
    assert features[1]["input_ids"] == expected
    assert features[1]["length"] == 3 * max(map(len, expected))
    batch = multiple_choice.collate(features, 1)
    assert batch["input_ids"].shape[:2] == (4, 3)
    assert batch["label"].tolist() == [row["label"] for row in rows]


def test_a_long_prompt_loses_its_beginning_and_never_a_choice():
    row = {"prompt": f"red {LONG} blue", "choices": ["the cat", "dog " * 9], "label": 0}
    (feature,) = multiple_choice.encode([row], TOKENIZER, choice_task(max_length=24), train=True)
    for ids, choice in zip(feature["input_ids"], row["choices"], strict=True):
        ending = [*TOKENIZER("blue")["input_ids"][1:], 2, *TOKENIZER(choice)["input_ids"][1:]]
        assert ids[-len(ending) :] == ending
        assert len(ids) == 24
    assert feature["truncated"]


def test_a_choice_longer_than_the_input_is_cut_and_counted():
    row = {"prompt": "the cat", "choices": [LONG, "dog"], "label": 0}
    (feature,) = multiple_choice.encode([row], TOKENIZER, choice_task(max_length=24), train=False)
    assert [len(ids) for ids in feature["input_ids"]] == [24, 7]
    assert truncated([feature]) == 1


def test_retrieval_and_mining_say_which_side_a_text_is_on():
    task = a_task("pairs", "retrieval", hparams={"max_length": 20})
    rows = [
        {"id": "0", "text_a": "cat", "text_b": "the cat"},
        {"id": "1", "text_a": LONG, "text_b": "x"},
    ]
    features = retrieval.encode(rows, TOKENIZER, task)
    assert [(f["side"], f["row"]) for f in features] == [
        ("foreign", 0), ("foreign", 1), ("english", 0), ("english", 1),
    ]  # fmt: skip
    assert features[2]["input_ids"] == TOKENIZER("the cat")["input_ids"]
    assert [f["truncated"] for f in features] == [False, True, False, False]
    mined = [{"id": "a", "side": "english", "text": "dog", "pair": ""}]
    (feature,) = mining.encode(mined, TOKENIZER, task)
    assert (feature["side"], feature["row"]) == ("english", 0)
