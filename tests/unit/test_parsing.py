"""Dependency parsing: what goes in, what the head says of it, and the trees that come out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tiny_models import NOTHING, WORDS, tag_task, tiny_model, tiny_tokenizer
from tiny_rows import tag_rows
from tiny_trees import RELATIONS, tree_rows, tree_task

from xstilts.evaluation.score import score
from xstilts.evaluation.shortcuts import shortcuts
from xstilts.models.biaffine import BiaffineHead
from xstilts.models.pooling import States
from xstilts.tasks import parsing, tagging
from xstilts.tasks.check import task_problems
from xstilts.tasks.trees import best_tree, find_cycle
from xstilts.training.config import TrainConfig
from xstilts.training.loop import Trained, TrainingSet, train
from xstilts.training.predict import predict_rows

TOKENIZER = tiny_tokenizer()
words = st.sampled_from([*WORDS, "catdog", "xyz.", NOTHING, "abcdefghijklmnopqrstuv"])


def _row(tokens: list[str], seed: int) -> dict[str, Any]:
    """A random tree over the words."""
    rng = np.random.default_rng(seed)
    heads = best_tree(rng.normal(size=(len(tokens), len(tokens) + 1)))
    relations = [0 if head == 0 else int(rng.integers(1, 6)) for head in heads]
    return {"id": "0", "tokens": tokens, "heads": heads, "relations": relations}


def _logits(row: dict[str, Any], feature: dict[str, Any], padding: int = 0) -> np.ndarray:
    """What a head that knows the tree says without targets, with `padding` more words."""
    first, size = feature["first"], len(feature["starts"])
    nodes = size + padding + 1
    logits = np.zeros((size + padding, 2 * nodes), dtype=np.float32)
    for word in range(size):
        head = row["heads"][first + word]
        inside = head - first if first < head <= first + size else 0
        logits[word, inside] = 9.0
        logits[word, nodes:] = max(1, row["relations"][first + word])
    return logits


@settings(max_examples=60, deadline=None)
@given(st.lists(words, min_size=1, max_size=12), st.integers(0, 10**6), st.integers(0, 3))
def test_the_tree_that_goes_in_comes_out(tokens, seed, padding):
    task, row = tree_task(max_length=64), _row(tokens, seed)
    features = parsing.encode([row], TOKENIZER, task, train=False)
    assume(len(features) == 1)
    [found] = parsing.decode([_logits(row, features[0], padding)], features, [row], task)
    assert found == list(
        zip(row["heads"], map(RELATIONS.__getitem__, row["relations"]), strict=True)
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(words, min_size=1, max_size=30), min_size=1, max_size=3),
    st.integers(9, 40),
    st.integers(0, 10**6),
)
def test_a_sentence_is_one_tree_however_it_is_split(sentences, limit, seed):
    task = tree_task(max_length=limit)
    rows = [_row(tokens, seed + i) for i, tokens in enumerate(sentences)]
    features = parsing.encode(rows, TOKENIZER, task, train=False)
    logits = [_logits(rows[f["row"]], f) for f in features]
    for row, found in zip(rows, parsing.decode(logits, features, rows, task), strict=True):
        heads = [head for head, _ in found]
        assert len(heads) == len(row["tokens"])
        assert heads.count(0) == 1
        assert not find_cycle([0, *heads])
        assert [relation == "root" for _, relation in found] == [head == 0 for head in heads]


@settings(max_examples=60, deadline=None)
@given(st.lists(words, min_size=1, max_size=30), st.integers(9, 40), st.integers(0, 10**6))
def test_heads_are_targets_exactly_where_they_stand_in_the_same_input(tokens, limit, seed):
    task, row = tree_task(max_length=limit), _row(tokens, seed)
    features = parsing.encode([row], TOKENIZER, task, train=True)
    found = 0
    for feature in features:
        first = feature["first"]
        for word, head in enumerate(feature["heads"]):
            if head == parsing.IGNORED:
                assert feature["relations"][word] == parsing.IGNORED
                continue
            assert row["heads"][first + word] == (first + head if head else 0)
            assert row["relations"][first + word] == feature["relations"][word]
            found += 1
    assert found == parsing.count(features) >= 1


def test_parsing_reads_the_same_inputs_as_tagging():
    rows, task = tree_rows(20), tree_task()
    ours = parsing.encode(rows, TOKENIZER, task, train=False)
    theirs = tagging.encode(rows, TOKENIZER, task, train=False)
    assert [{**f, "first": None} for f in ours] == [{**f, "first": None} for f in theirs]
    assert "heads" not in parsing.collate(ours, 1)


def _head(seed: int = 0) -> BiaffineHead:
    torch.manual_seed(seed)
    return BiaffineHead(16, len(RELATIONS), dropout=0.0).eval()


def _states(hidden: torch.Tensor) -> States:
    return States(hidden, hidden[:, 0])


def _batch(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    return parsing.collate(parsing.encode(rows, TOKENIZER, tree_task(), train=True), 1)


def test_both_answers_of_the_head_agree():
    batch = _batch(tree_rows(6))
    hidden = torch.randn(*batch["input_ids"].shape, 16, generator=torch.Generator().manual_seed(1))
    taught = _head()(_states(hidden), batch)
    nodes = batch["starts"].shape[1] + 1
    asked = _head()(
        _states(hidden), {k: v for k, v in batch.items() if k not in ("heads", "relations")}
    )
    torch.testing.assert_close(taught[..., :nodes], asked[..., :nodes])
    best = taught[..., nodes + 1 :].argmax(dim=-1) + 1
    to_true = asked[..., nodes:].gather(2, batch["heads"].clamp(min=0)[..., None])[..., 0]
    assert torch.equal(best.float(), to_true)
    assert asked[..., nodes:].min() >= 1  # never root, which only the tree gives


def test_padding_changes_nothing_and_nobody_is_its_own_head():
    rows = tree_rows(6)
    together = _batch(rows)
    shape = (*together["input_ids"].shape, 16)
    hidden = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
    scores = _head()(_states(hidden), together)
    nodes = together["starts"].shape[1] + 1
    for i, row in enumerate(rows):
        alone, size = _batch([row]), len(row["tokens"])
        own = _head()(_states(hidden[i : i + 1, : alone["input_ids"].shape[1]]), alone)[0]
        torch.testing.assert_close(scores[i, :size, : size + 1], own[:, : size + 1])
        torch.testing.assert_close(scores[i, :size, nodes:], own[:, size + 1 :])
        assert (scores[i, :size, size + 1 : nodes] < -1e8).all()
        assert (own[torch.arange(size), torch.arange(1, size + 1)] < -1e8).all()


def test_loss_is_the_mean_over_all_words_of_the_batch():
    rows = tree_rows(5)
    batch = _batch(rows)
    hidden = torch.randn(*batch["input_ids"].shape, 16, generator=torch.Generator().manual_seed(1))
    logits, total = _head()(_states(hidden), batch), 0.0
    nodes = batch["starts"].shape[1] + 1
    for i, row in enumerate(rows):
        for word, (head, relation) in enumerate(zip(row["heads"], row["relations"], strict=True)):
            for part, true in (
                (logits[i, word, :nodes], head),
                (logits[i, word, nodes:], relation),
            ):
                total -= float(part.log_softmax(dim=-1)[true].detach())
    count = sum(len(row["tokens"]) for row in rows)
    assert parsing.loss(logits, batch).item() == pytest.approx(total / count, rel=1e-5)


def _train(folder: Path, *sets: TrainingSet, model: Any, **settings: Any) -> Trained:
    settings = {"learning_rate": 2e-3, "epochs": 1, "batch_size": 8} | settings
    data = {part.task.name: part for part in sets}
    return train(
        model,
        data,
        TrainConfig(**settings),
        folder,
        pad_id=1,
        dev_score=lambda task, found, rows: score(task, "en", found, rows).value,
    )


def test_a_small_model_parses_new_sentences_better_than_shortcuts(tmp_path):
    task, rows, new = tree_task(max_length=24), tree_rows(120), tree_rows(40, seed=1)
    model = tiny_model(task)
    part = TrainingSet(task, parsing.encode(rows, TOKENIZER, task, train=True), [], [])
    trained = _train(tmp_path, part, model=model, epochs=6)
    model.load_state_dict(trained.weights)
    found = score(task, "en", predict_rows(model, TOKENIZER, "trees", task, new).values, new)
    chance = max(values["en"] for values in shortcuts(task, rows, {"en": new}).values())
    assert found.value > chance + 20
    assert found.value > 85
    assert found.metrics["uas"] >= found.metrics["las"] == found.value


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_parsing_trains_in_a_mixture_and_all_parameters_move(precision, tmp_path):
    tasks = [(tree_task(), parsing, tree_rows), (tag_task(), tagging, tag_rows)]
    sets = [
        TrainingSet(task, module.encode(rows(16), TOKENIZER, task, train=True), [], [])
        for task, module, rows in tasks
    ]
    model = tiny_model(*(task for task, _, _ in tasks))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    after = _train(tmp_path, *sets, model=model, epochs=2, precision=precision).weights
    assert not [name for name in before if torch.equal(before[name], after[name])]
    assert all(tensor.isfinite().all() for tensor in after.values())


def test_the_first_label_is_the_roots():
    task = tree_task()
    broken = type(task).from_dict(task.to_dict() | {"labels": ["det", "root"]})
    assert any("first label" in problem for problem in task_problems(broken))
