"""Every format on every architecture: it learns, and padding and batches change nothing."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from tiny_bodies import kinds, model_of, tiny_body, tiny_folder, tokenizer_for
from tiny_models import (
    a_task,
    choice_task,
    pair_task,
    span_task,
    tag_task,
    text_task,
)
from tiny_rows import (
    ANIMALS,
    COLOURS,
    answer_rows,
    choice_rows,
    pair_rows,
    span_rows,
    tag_rows,
    text_rows,
)
from tiny_trees import tree_rows, tree_task

from xstilts.errors import UserError
from xstilts.evaluation.score import score
from xstilts.models import backbones
from xstilts.models.architecture import Reading, reading_of, retrieval_layer
from xstilts.models.body import load_body, load_tokenizer
from xstilts.models.checkpoint import load_model, save_model
from xstilts.models.embed import embed
from xstilts.models.pooling import States, states
from xstilts.tasks import mlm, span_qa
from xstilts.tasks.encoding import Template, encode_single, pad
from xstilts.tasks.formats import Row, format_of
from xstilts.tasks.record import Task
from xstilts.training.config import TrainConfig
from xstilts.training.loop import Trained, TrainingSet, train
from xstilts.training.predict import predict, predict_rows

OTHERS = ("xglm", "llama", "qwen", "mt5")


def graded_rows(count: int, seed: int = 0) -> list[Row]:
    """How many of two words are the same, on a scale from 0 to 5."""
    rng, rows = random.Random(seed), []
    for i in range(count):
        animals, colours = rng.sample(ANIMALS, 2), rng.sample(COLOURS, 2)
        same = (i % 2, i // 2 % 2)
        second = f"the {colours[same[0] - 1]} {animals[same[1] - 1]}"
        first = f"the {colours[0]} {animals[0]}"
        rows.append({"id": str(i), "text_a": first, "text_b": second, "score": 2.5 * sum(same)})
    return rows


TASKS = {
    "pairs": (pair_task(), pair_rows),
    "graded": (
        a_task("graded", "regression", "pearson_spearman", scale=(0.0, 5.0)),
        graded_rows,
    ),
    "tags": (tag_task(), tag_rows),
    "trees": (tree_task(), tree_rows),
    "spans": (span_task(), span_rows),
    "choices": (choice_task(), choice_rows),
    "answers": (a_task("answers", "dual_encoder", "map@20"), answer_rows),
}


def _value(task: Task, predictions: list[Any], rows: list[Row]) -> float:
    return score(task, "en", predictions, rows).value


def _set(kind: str, task: Task, rows: list[Row]) -> TrainingSet:
    return TrainingSet(task, format_of(task).encode(rows, tokenizer_for(kind), task, train=True))


def _train(folder: Path, kind: str, model: Any, *sets: TrainingSet, **config: Any) -> Trained:
    folder.mkdir(exist_ok=True)
    return train(
        model,
        {part.task.name: part for part in sets},
        TrainConfig(**{"learning_rate": 3e-3, "epochs": 1, "batch_size": 8} | config),
        folder,
        pad_id=tokenizer_for(kind).pad_token_id,
        dev_score=_value,
    )


def _scores(kind: str, model: Any) -> dict[str, float]:
    found = {}
    for name, (task, make) in TASKS.items():
        rows = make(32)
        values = predict_rows(model, tokenizer_for(kind), name, task, rows).values
        found[name] = _value(task, values, rows)
    return found


@pytest.mark.parametrize("kind", ["qwen", "mt5"])
def test_every_format_is_learned(kind: str, tmp_path: Path):
    model = model_of(kind, *(task for task, _ in TASKS.values()))
    before = _scores(kind, model)
    sets = [_set(kind, task, make(32)) for task, make in TASKS.values()]
    trained = _train(tmp_path, kind, model, *sets, epochs=12)
    model.load_state_dict(trained.weights)
    after = _scores(kind, model)
    floors = dict.fromkeys(TASKS, 80) | {"graded": 50, "answers": 50, "trees": 60}
    assert not {
        n: (before[n], after[n]) for n in TASKS if after[n] < max(floors[n], before[n] + 20)
    }


@pytest.mark.parametrize("kind", ["xglm", "llama"])
@pytest.mark.parametrize("name", ["pairs", "spans"])
def test_other_decoders_learn_too(kind: str, name: str, tmp_path: Path):
    task, make = TASKS[name]
    model, rows = model_of(kind, task), make(32)
    trained = _train(tmp_path, kind, model, _set(kind, task, rows), epochs=25)
    model.load_state_dict(trained.weights)
    found = predict_rows(model, tokenizer_for(kind), name, task, rows).values
    assert _value(task, found, rows) > 90


def _batch(kind: str, count: int = 5) -> dict[str, torch.Tensor]:
    tokenizer = tokenizer_for(kind)
    texts = [row["text"] for row in text_rows(count)]
    texts = [text[: 12 * n] for n, text in enumerate(texts, start=1)]
    return pad(encode_single(texts, tokenizer, 60), tokenizer.pad_token_id)


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("name", TASKS)
def test_logits_do_not_depend_on_the_batches(kind: str, name: str):
    task, make = TASKS[name]
    model, tokenizer = model_of(kind, task), tokenizer_for(kind)
    features = format_of(task).encode(make(5), tokenizer, task, train=False)
    together = predict(model, name, task, features, tokenizer.pad_token_id)
    alone = predict(model, name, task, features, tokenizer.pad_token_id, token_budget=1)
    for one, other, feature in zip(together, alone, features, strict=True):
        if name == "trees":  # padded to the longest sentence, in two halves
            size, half = len(feature["starts"]), one.shape[1] // 2
            own = other.shape[1] // 2
            np.testing.assert_allclose(one[:size, : size + 1], other[:size, : size + 1], atol=2e-4)
            assert (one[:size, half : half + size + 1] == other[:size, own:]).all()
        else:
            np.testing.assert_allclose(one, other, atol=5e-5)


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("pooling", ["own", "mean"])
def test_padding_on_either_side_changes_no_state(kind: str, pooling: str):
    body = tiny_body(kind, None if pooling == "own" else pooling).eval()
    right = _batch(kind)
    sizes = right["attention_mask"].sum(1).tolist()
    left = {
        name: torch.stack(
            [line.roll(len(line) - size) for line, size in zip(values, sizes, strict=True)]
        )
        for name, values in right.items()
    }
    with torch.no_grad():
        one, other = states(body, right), states(body, left)
    torch.testing.assert_close(one.whole, other.whole, atol=1e-5, rtol=1e-4)
    for row, size in enumerate(sizes):
        torch.testing.assert_close(
            one.words[row, :size], other.words[row, -size:], atol=1e-5, rtol=1e-4
        )


@pytest.mark.parametrize("kind", OTHERS)
def test_the_state_of_the_whole_input_sees_each_of_its_tokens(kind: str):
    body, inputs = tiny_body(kind).eval(), _batch(kind, 1)
    with torch.no_grad():
        found = states(body, inputs)
        for place in range(inputs["input_ids"].shape[1]):
            changed = inputs["input_ids"].clone()
            changed[0, place] = (changed[0, place] + 7) % 15
            other = states(body, inputs | {"input_ids": changed})
            assert (found.whole - other.whole).abs().max() > 1e-5
            if reading_of(body.config).architecture == "decoder":
                torch.testing.assert_close(found.words[:, :place], other.words[:, :place])


@pytest.mark.parametrize("kind", OTHERS)
def test_the_null_span_of_a_question_depends_on_its_context(kind: str):
    task, tokenizer = span_task(), tokenizer_for(kind)
    rows = [
        {"context": context, "question": "what", "answers": []}
        for context in ("the red house", "the blue house")
    ]
    features = span_qa.encode(rows, tokenizer, task, train=True)
    assert {(f["start"], f["end"]) for f in features} == {(0, 0)}
    assert min(f["begin"] for f in features) > 0
    one, other = predict(model_of(kind, task), "spans", task, features, tokenizer.pad_token_id)
    assert np.abs(one[0] - other[0]).max() > 1e-5


def test_what_stands_for_the_whole_input():
    batch = _batch("llama", 3)
    sizes = batch["attention_mask"].sum(1).tolist()
    last, mean = (states(tiny_body("llama", pooling).eval(), batch) for pooling in ("last", "mean"))
    for row, size in enumerate(sizes):
        assert torch.equal(last.whole[row], last.words[row, size - 1])
        torch.testing.assert_close(mean.whole[row], mean.words[row, :size].mean(0))
    assert (batch["input_ids"][range(3), [size - 1 for size in sizes]] == 2).all()  # </s>


def test_an_encoder_decoders_whole_input_is_its_decoders_first_state():
    body, batch = tiny_body("mt5").eval(), _batch("mt5", 3)
    start = torch.zeros(3, 1, dtype=torch.long)
    with torch.no_grad():
        expected, found = body(**batch, decoder_input_ids=start), states(body, batch)
        encoder = body.encoder(**batch).last_hidden_state
    torch.testing.assert_close(found.whole, expected.last_hidden_state[:, 0])
    torch.testing.assert_close(found.words, encoder)


def test_templates_are_completed_for_decoders_alone():
    found = {kind: Template.of(tokenizer_for(kind)) for kind in ("encoder", *OTHERS)}
    assert (found["llama"].single, found["llama"].pair) == (([0], [2]), ([0], [0], [2]))
    assert (found["xglm"].single, found["xglm"].pair) == (([2], [2]), ([2], [2, 2], [2]))
    assert (found["qwen"].single, found["qwen"].pair) == (([2], [2]), ([2], [2], [2]))
    assert (found["mt5"].single, found["mt5"].pair) == (([], [1]), ([], [1], [1]))
    assert [kind for kind in found if found[kind].causal] == ["xglm", "llama", "qwen"]
    assert not any(template.segments for template in found.values())


@pytest.mark.parametrize("kind", OTHERS)
def test_a_word_is_written_as_in_its_sentence_and_read_where_it_is_known(kind: str):
    task, tokenizer = tag_task(), tokenizer_for(kind)
    row = {"tokens": ["cat", "sees", "catdog"], "tags": [1, 0, 2]}
    (feature,) = format_of(task).encode([row], tokenizer, task, train=True)
    pieces = [p.lstrip("▁Ġ") for p in tokenizer.convert_ids_to_tokens(feature["input_ids"])]
    read = [pieces[place] for place in feature["starts"]]
    assert read == ["cat", "sees", "cat" if kind == "mt5" else "g"]
    if kind == "qwen":
        running = tokenizer(" cat sees catdog")["input_ids"]
        assert feature["input_ids"] == [2, *running, 2]


LETTERS = st.text(st.sampled_from("abc éßñ中文ด🙂 "), min_size=1, max_size=10)


@settings(max_examples=80, deadline=None)
@given(LETTERS, st.integers(0, 30), st.integers(1, 8))
def test_spans_over_bytes_come_back_whole(context: str, start: int, size: int):
    text = context[start % len(context) :][:size]
    if text.strip() != text or not text:
        return
    place = start % len(context)
    row = {"context": context, "question": "who", "answers": [{"text": text, "start": place}]}
    task = span_task(max_length=64, max_answer_length=60)
    (feature,) = span_qa.encode([row], tokenizer_for("qwen"), task, train=True)
    logits = np.zeros((feature["length"], 2), dtype=np.float32)
    logits[feature["start"], 0] = logits[feature["end"], 1] = 9.0
    (found,) = span_qa.decode([logits], [feature], [row], task)
    assert text in found  # at a border inside a piece, with the rest of the piece


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("pooling", [None, "mean"])
def test_a_saved_model_loads_equal_and_reads_as_before(
    kind: str, pooling: str | None, tmp_path: Path
):
    task, rows = pair_task(), pair_rows(6)
    model = model_of(kind, task, pooling=pooling).eval()
    save_model(tmp_path, model, tokenizer_for(kind), [task])
    loaded, tokenizer = load_model(tmp_path)
    assert loaded.reading == model.reading == reading_of(model.body.config)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name
    features = format_of(task).encode(rows, tokenizer_for(kind), task, train=False)
    assert features == format_of(task).encode(rows, tokenizer, task, train=False)
    stored = load_file(tmp_path / "model.safetensors")
    assert sum(t.numel() for t in stored.values()) == sum(
        p.numel() for p in model.body.parameters()
    )


@pytest.mark.parametrize("kind", OTHERS)
def test_frozen_embeddings_stay_and_the_rest_moves(kind: str, tmp_path: Path):
    task = pair_task()
    model = model_of(kind, task)
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    part = _set(kind, task, pair_rows(16))
    after = _train(tmp_path, kind, model, part, freeze_embeddings=True).weights
    frozen = {name for name in before if torch.equal(before[name], after[name])}
    embedding = model.body.get_input_embeddings().weight
    assert frozen == {name for name, tensor in model.named_parameters() if tensor is embedding}


def test_a_decoder_that_nothing_reads_stays_as_it_was(tmp_path: Path):
    task = pair_task()
    model = model_of("mt5", task, pooling="mean")
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    after = _train(tmp_path, "mt5", model, _set("mt5", task, pair_rows(16))).weights
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {name for name in before if name.startswith("body.decoder.")}


def test_sentence_vectors_of_a_decoder_leave_out_the_first_token():
    body, tokenizer = tiny_body("llama").eval(), tokenizer_for("llama")
    (vector,) = embed(body, tokenizer, ["the cat sees"], layer=1)
    with torch.no_grad():
        inputs = torch.tensor([[0, *tokenizer("the cat sees")["input_ids"][1:], 2]])
        hidden = body(inputs, output_hidden_states=True).hidden_states[1][0, 1:]
    mean = hidden.mean(0).numpy()
    np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


@pytest.mark.parametrize("kind", OTHERS)
def test_sentence_vectors_do_not_depend_on_the_batch(kind: str):
    body, tokenizer = tiny_body(kind), tokenizer_for(kind)
    texts = ["", "the cat", "the big old dog sees the fish", "what"]
    together = embed(body, tokenizer, texts, layer=2)
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_allclose(embed(body, tokenizer, [text], 2)[0], vector, atol=1e-5)
    with pytest.raises(UserError, match=r"retrieval_layer 3 .* 0 to 2"):
        embed(body, tokenizer, texts, layer=3)


def test_the_layer_for_retrieval_is_a_share_of_the_depth():
    assert [retrieval_layer(n) for n in (24, 12, 28, 16, 8)] == [14, 7, 16, 9, 5]
    for backbone in backbones.BACKBONES.values():
        assert 0 < backbone.retrieval_layer < backbone.shape.layers


@pytest.mark.parametrize("kind", OTHERS)
def test_masked_words_are_refused(kind: str):
    task = text_task()
    with pytest.raises(UserError, match="'words' of format 'mlm' masks words, which only an enc"):
        model_of(kind, task)
    with pytest.raises(UserError, match="tokenizer has no mask token"):
        mlm.encode(text_rows(2), tokenizer_for(kind), task)


def _rewrite(folder: Path, file: str, **values: Any) -> None:
    path = folder / file
    content = json.loads(path.read_text())
    content.update(values)
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))


def test_a_decoder_that_does_not_say_how_it_is_read_is_refused(tmp_path: Path):
    folder = tiny_folder(tmp_path, "llama")
    _rewrite(folder, "config.json", xstilts=None)
    with pytest.raises(UserError, match=r'type \'llama\' .* decoder .*"pooling": "last"'):
        load_body(folder)


def test_a_decoder_without_an_end_token_is_refused(tmp_path: Path):
    folder = tiny_folder(tmp_path, "llama")
    _rewrite(folder, "tokenizer_config.json", eos_token=None)
    with pytest.raises(UserError, match="no end-of-sequence token"):
        load_tokenizer(folder)


def _from_hub(source: Path, reading: dict[str, str], out: Path) -> Path:
    entry = {"name": "x", "kind": "hub", "hub": str(source), "revision": None}
    backbones.materialise(entry | ({"reading": reading} if reading else {}), out)
    return out


@pytest.mark.parametrize("kind", OTHERS)
def test_a_backbone_from_the_hub_and_its_control_know_how_they_are_read(kind: str, tmp_path: Path):
    source = tiny_folder(tmp_path / "hub", kind)
    _rewrite(source, "config.json", xstilts=None)  # as on the hub
    reading = kinds()[kind].reading
    made = _from_hub(source, vars(reading), tmp_path / "made")
    control = {"name": "y", "kind": "untrained", "like": str(made), "seed": 1}
    backbones.materialise(control, tmp_path / "control")
    assert (
        load_body(made).state_dict().keys() == load_body(tmp_path / "control").state_dict().keys()
    )
    for folder in (made, tmp_path / "control"):
        assert reading_of(load_body(folder).config) == reading
        assert load_tokenizer(folder).architecture == reading.architecture


@pytest.mark.parametrize(
    ("kind", "reading", "message"),
    [
        ("llama", {}, "has the architecture 'decoder', but its record says 'encoder'"),
        ("encoder", {"architecture": "decoder", "pooling": "last"}, "architecture 'encoder', but"),
        ("llama", {"architecture": "decoder", "pooling": "first"}, "use one of encoder: first or"),
    ],
)
def test_a_record_that_is_wrong_about_its_model_is_refused(
    kind: str, reading: dict[str, str], message: str, tmp_path: Path
):
    source = tiny_folder(tmp_path / "hub", kind)
    with pytest.raises(UserError, match=message):
        _from_hub(source, reading, tmp_path / "out")


def test_an_encoder_may_be_read_by_its_mean(tmp_path: Path):
    source = tiny_folder(tmp_path / "hub", "encoder")
    made = _from_hub(source, {"pooling": "mean"}, tmp_path / "made")
    body, batch = load_body(made).eval(), _batch("encoder", 2)
    with torch.no_grad():
        found = states(body, batch)
    assert isinstance(found, States)
    assert reading_of(body.config) == Reading("encoder", "mean")
    size = int(batch["attention_mask"][0].sum())
    torch.testing.assert_close(found.whole[0], found.words[0, :size].mean(0))
