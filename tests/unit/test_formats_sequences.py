"""Encoding and decoding of tags, spans and masked words."""

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import NOTHING, WORDS, span_task, tag_task, text_task, tiny_tokenizer
from tiny_rows import span_rows, tag_rows, text_rows

from xstilts.tasks import mlm, span_qa, tagging
from xstilts.tasks.formats import truncated

TOKENIZER = tiny_tokenizer()
UNKNOWN = TOKENIZER.unk_token_id

words = st.sampled_from([*WORDS, "catdog", "xyz.", "猫", NOTHING, "abcdefghijklmnopqrstuv"])


def _one_hot(labels: list[int], width: int) -> np.ndarray:
    return np.eye(width, dtype=np.float32)[labels]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(words, min_size=1, max_size=30), min_size=1, max_size=3), st.integers(9, 40)
)
def test_every_word_gets_its_own_tag_back_however_a_sentence_is_split(
    sentences: list[list[str]], limit: int
):
    task, rng = tag_task(max_length=limit), random.Random(0)
    rows = [{"tokens": s, "tags": [rng.randrange(3) for _ in s]} for s in sentences]
    features = tagging.encode(rows, TOKENIZER, task, train=True)
    assert all(f["length"] <= limit - 1 for f in features)
    labels = tagging.collate(features, 1)["labels"].numpy()
    assert (labels != tagging.IGNORED).sum() == tagging.count(features) == sum(map(len, sentences))
    logits = [
        _one_hot(np.maximum(line[: f["length"]], 0), 3)
        for line, f in zip(labels, features, strict=True)
    ]
    expected = [[task.labels[tag] for tag in row["tags"]] for row in rows]
    assert tagging.decode(logits, features, rows, task) == expected


def test_labels_sit_on_the_first_sub_word():
    row = {"tokens": ["catdog", "sees", "xy"], "tags": [1, 0, 2]}
    (feature,) = tagging.encode([row], TOKENIZER, tag_task(), train=True)
    pieces = TOKENIZER.convert_ids_to_tokens(feature["input_ids"])
    assert [pieces[start] for start in feature["starts"]] == ["▁cat", "▁sees", "▁"]
    labels = tagging.collate([feature], 1)["labels"][0].tolist()
    assert [label for label in labels if label != -100] == [1, 0, 2]
    assert labels[0] == labels[-1] == -100


def test_words_that_vanish_or_do_not_fit_become_unknown():
    row = {"tokens": [NOTHING, "cat", "abcdefghijk"], "tags": [0, 1, 2]}
    (feature,) = tagging.encode([row], TOKENIZER, tag_task(max_length=12), train=True)
    ids = feature["input_ids"]
    assert ids == [0, UNKNOWN, TOKENIZER("cat")["input_ids"][1], UNKNOWN, 2]
    assert feature["truncated"]
    (short,) = tagging.encode(
        [{"tokens": [NOTHING], "tags": [0]}], TOKENIZER, tag_task(), train=False
    )
    assert not short["truncated"]


def test_test_rows_need_no_tags():
    features = tagging.encode([{"tokens": ["cat"]}], TOKENIZER, tag_task(), train=False)
    assert "labels" not in tagging.collate(features, 1)


def _gold_logits(feature: dict[str, object]) -> np.ndarray:
    logits = np.zeros((feature["length"], 2), dtype=np.float32)
    if feature["start"]:
        logits[feature["start"], 0] = logits[feature["end"], 1] = 9.0
    return logits


@pytest.mark.parametrize("limit", [48, 24])
def test_the_gold_span_decodes_to_the_answer_over_all_windows(limit: int):
    task, rows = span_task(max_length=limit), span_rows(40)
    features = span_qa.encode(rows, TOKENIZER, task, train=True)
    assert (len(features) > len(rows)) == (limit == 24)
    logits = [_gold_logits(feature) for feature in features]
    decoded = span_qa.decode(logits, features, rows, task)
    assert decoded == [row["answers"][0]["text"] for row in rows]


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 200), st.integers(2, 60), st.integers(1, 100))
def test_windows_cover_the_context_and_overlap(length: int, room: int, overlap: int):
    windows = span_qa._windows(length, room, overlap)
    assert windows[0][0] == 0
    assert windows[-1][1] == length
    assert all(last - first <= room for first, last in windows)
    for (_, last), (first, _) in pairwise(windows):
        assert last - first == min(overlap, room // 2)


def test_a_window_without_the_answer_points_at_the_start():
    context = "the cat sees the dog and " + "the old bird likes the fish " * 4
    row = {"context": context, "question": "who", "answers": [{"text": "cat", "start": 4}]}
    features = span_qa.encode([row], TOKENIZER, span_task(max_length=24), train=True)
    targets = [(feature["start"], feature["end"]) for feature in features]
    assert targets[0] == (features[0]["begin"] + 1, features[0]["begin"] + 1)
    assert set(targets[1:]) == {(0, 0)}
    assert len(targets) > 1


def test_no_answer_points_at_the_start():
    row = {"context": "the cat", "question": "who", "answers": []}
    (feature,) = span_qa.encode([row], TOKENIZER, span_task(), train=True)
    assert (feature["start"], feature["end"]) == (0, 0)


def test_a_long_question_is_cut_and_counted():
    row = {"context": "the cat", "question": "what " * 20, "answers": []}
    features = span_qa.encode([row], TOKENIZER, span_task(max_query_length=5), train=False)
    assert len(features[0]["input_ids"]) == 5 + 2 + 4
    assert truncated(features) == 1


def test_the_answer_is_the_best_legal_span_and_keeps_the_contexts_characters():
    row = {"context": "the  cat sees 猫 the dog", "question": "what"}
    task = span_task(max_answer_length=2)
    (feature,) = span_qa.encode([row], TOKENIZER, task, train=False)
    begin = feature["begin"]
    texts = [row["context"][a:b] for a, b in feature["offsets"]]
    cat, unknown = (next(i for i, t in enumerate(texts) if w in t) for w in ("cat", "猫"))
    logits = np.zeros((feature["length"], 2), dtype=np.float32)
    logits[begin + cat, 0] = 5.0
    logits[begin + cat - 1, 1] = 5.0  # ends before it starts
    logits[begin + unknown, 1] = 4.0  # three sub-words: too long
    logits[begin + cat + 1, 1] = 1.0
    assert span_qa.decode([logits], [feature], [row], task) == ["cat sees"]


def test_a_question_without_context_is_answered_with_nothing():
    row = {"context": "", "question": "what"}
    features = span_qa.encode([row], TOKENIZER, span_task(), train=False)
    logits = [np.zeros((f["length"], 2)) for f in features]
    assert span_qa.decode(logits, features, [row], span_task()) == [""]


def test_padding_does_not_change_the_span_loss():
    import torch

    rows = span_rows(2)
    features = span_qa.encode(rows, TOKENIZER, span_task(), train=True)
    batch = span_qa.collate(features, 1)
    logits = torch.randn(*batch["input_ids"].shape, 2, generator=torch.Generator().manual_seed(0))
    alone = []
    for i, feature in enumerate(features):
        single = span_qa.collate([feature], 1)
        alone.append(span_qa.loss(logits[i : i + 1, : feature["length"]], single))
    assert torch.isclose(span_qa.loss(logits, batch), sum(alone) / 2)


def test_masks_follow_the_seed_and_the_80_10_10_rule():
    rows = [
        {"id": "0", "text": " ".join(random.Random(i).choices(WORDS, k=40))} for i in range(200)
    ]
    features = mlm.encode(rows, TOKENIZER, text_task(), train=True)
    masked = [mlm.mask(feature, (0, i)) for i, feature in enumerate(features)]
    again = mlm.mask(features[3], (0, 3))
    assert np.array_equal(again["input_ids"], masked[3]["input_ids"])
    assert not np.array_equal(mlm.mask(features[3], (1, 3))["positions"], again["positions"])
    fates = [
        "mask" if after == mlm_id else "same" if after == before else "swapped"
        for f in masked
        for before, after in zip(f["labels"], f["input_ids"][f["positions"]], strict=True)
        for mlm_id in [TOKENIZER.mask_token_id]
    ]
    assert len(fates) == mlm.count(features) == 200 * 6
    assert 0.76 < fates.count("mask") / len(fates) < 0.84
    assert 0.07 < fates.count("swapped") / len(fates) < 0.13
    for before, after in zip(features, masked, strict=True):
        restored = after["input_ids"].copy()
        restored[after["positions"]] = after["labels"]
        assert restored.tolist() == before["input_ids"]
        assert 0 not in after["positions"]
        assert after["length"] - 1 not in after["positions"]


def test_masked_batches_point_into_the_flattened_inputs():
    features = mlm.encode(text_rows(3), TOKENIZER, text_task(), train=True)
    masked = [mlm.mask(feature, (0, i)) for i, feature in enumerate(features)]
    batch = mlm.collate(masked, 1)
    restored = batch["input_ids"].flatten()
    restored[batch["masked"]] = batch["labels"]
    for line, feature in zip(restored.view(3, -1).tolist(), features, strict=True):
        assert line[: feature["length"]] == feature["input_ids"]


def test_long_texts_are_cut_into_blocks_and_nothing_is_lost():
    text = " ".join(random.Random(0).choices(WORDS, k=130))
    features = mlm.encode([{"text": text}, {"text": ""}], TOKENIZER, text_task(), train=True)
    joined = [token for feature in features for token in feature["input_ids"][1:-1]]
    assert joined == TOKENIZER(text)["input_ids"][1:-1]
    assert [feature["length"] for feature in features] == [48, 48, 40]


def test_tags_of_rows_that_fit_are_one_feature_each():
    rows = tag_rows(10)
    features = tagging.encode(rows, TOKENIZER, tag_task(), train=True)
    assert [feature["row"] for feature in features] == list(range(10))
