"""Heads, saving and loading, sentence vectors, backbones."""

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import (
    a_task,
    choice_task,
    pair_task,
    span_task,
    tag_task,
    text_task,
    tiny_backbone,
    tiny_config,
    tiny_model,
    tiny_tokenizer,
)
from tiny_rows import choice_rows, pair_rows, span_rows, tag_rows, text_rows
from transformers import AutoModel, AutoTokenizer

from xstilts.errors import UserError
from xstilts.models import backbones
from xstilts.models.body import load_body, load_tokenizer, new_body
from xstilts.models.checkpoint import load_model, save_model
from xstilts.models.embed import embed, embed_features
from xstilts.tasks import mlm
from xstilts.tasks.encoding import encode_single
from xstilts.tasks.formats import format_of
from xstilts.training.predict import predict, predict_rows

TOKENIZER = tiny_tokenizer()
ROWS = {
    "pairs": (pair_task(), pair_rows(7)),
    "tags": (tag_task(max_length=16), tag_rows(7)),
    "spans": (span_task(max_length=24), span_rows(7)),
    "choices": (choice_task(), choice_rows(7)),
}


@pytest.mark.parametrize("name", ROWS)
def test_logits_in_batches_equal_those_one_by_one(name: str):
    task, rows = ROWS[name]
    model = tiny_model(task)
    features = format_of(task).encode(rows, TOKENIZER, task, train=False)
    together = predict(model, name, task, features, pad_id=1)
    alone = predict(model, name, task, features, pad_id=1, token_budget=1)
    for one, other, feature in zip(together, alone, features, strict=True):
        width = format_of(task).outputs(task)
        per_token = (feature["length"], width)
        shapes = {"pairs": (2,), "tags": per_token, "spans": per_token, "choices": (3,)}
        assert one.shape == shapes[name]
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_predictions_come_with_the_number_of_truncated_rows():
    task = pair_task(max_length=12)
    rows = [*pair_rows(3), pair_rows(1)[0] | {"text_a": "the cat " * 20}]
    found = predict_rows(tiny_model(task), TOKENIZER, "pairs", task, rows)
    assert len(found.values) == 4
    assert set(found.values) <= {0, 1}
    assert found.truncated == 1


def test_a_model_predicts_another_task_with_the_head_it_was_trained_with():
    trained = pair_task()
    target = pair_task(max_length=20)
    model, rows = tiny_model(trained), pair_rows(4)
    assert predict_rows(model, TOKENIZER, trained.name, target, rows).values == (
        predict_rows(model, TOKENIZER, trained.name, trained, rows).values
    )


def test_heads_are_drawn_from_their_seed_alone():
    weights = [tiny_model(pair_task(), seed=seed).heads.state_dict() for seed in (1, 1, 2)]
    name = "pairs.out.weight"
    assert torch.equal(weights[0][name], weights[1][name])
    assert not torch.equal(weights[0][name], weights[2][name])
    assert weights[0][name].std() == pytest.approx(0.1, rel=0.3)


def test_idle_heads_get_a_gradient_of_zero():
    task = pair_task()
    model = tiny_model(task, tag_task(), text_task(), choice_task()).train()
    task_format = format_of(task)
    batch = task_format.collate(task_format.encode(pair_rows(4), TOKENIZER, task, train=True), 1)
    task_format.loss(model(batch, "pairs"), batch).backward()
    for name, parameter in model.heads.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad.abs().sum() > 0) == name.startswith("pairs."), name


def test_masked_words_are_scored_with_the_embedding_matrix():
    task = text_task()
    model = tiny_model(task)
    features = mlm.encode(text_rows(3), TOKENIZER, task, train=True)
    batch = mlm.collate([mlm.mask(f, (0, i)) for i, f in enumerate(features)], 1)
    logits = model(batch, "words")
    assert logits.shape == (mlm.count(features), len(TOKENIZER))
    assert not any("embedding" in name for name in model.heads.state_dict())


def test_a_format_without_head_is_refused():
    with pytest.raises(UserError, match="'pairs' of format 'retrieval' has no head"):
        tiny_model(a_task("pairs", "retrieval"))


def test_a_saved_model_loads_equal_and_readable(tmp_path: Path):
    tasks = [pair_task(), tag_task()]
    model = tiny_model(*tasks).eval()
    os.umask(0o022)
    save_model(tmp_path, model, TOKENIZER, tasks)
    loaded, tokenizer = load_model(tmp_path)
    assert not loaded.training
    assert loaded.state_dict().keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name
    assert tokenizer("the cat")["input_ids"] == TOKENIZER("the cat")["input_ids"]
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o644, path


def test_a_saved_body_is_a_hugging_face_model(tmp_path: Path):
    model = tiny_model(pair_task()).eval()
    save_model(tmp_path, model, TOKENIZER, [])
    assert not (tmp_path / "head.safetensors").exists()
    body = AutoModel.from_pretrained(tmp_path).eval()
    batch = AutoTokenizer.from_pretrained(tmp_path)(["the cat sees"], return_tensors="pt")
    with torch.no_grad():
        expected = model.body(**batch).last_hidden_state
        torch.testing.assert_close(body(**batch).last_hidden_state, expected)


def test_other_weights_can_be_saved_in_place_of_the_models_own(tmp_path: Path):
    task = pair_task()
    other = tiny_model(task, seed=5).state_dict()
    save_model(tmp_path, tiny_model(task, seed=0), TOKENIZER, [task], other)
    loaded, _ = load_model(tmp_path)
    assert all(torch.equal(other[name], tensor) for name, tensor in loaded.state_dict().items())


def test_a_checkpoint_of_a_whole_pretraining_model_gives_its_body(tmp_path: Path):
    from transformers import XLMRobertaForMaskedLM

    whole = XLMRobertaForMaskedLM(tiny_config())
    whole.save_pretrained(tmp_path)
    body = load_body(tmp_path)
    assert torch.equal(
        body.embeddings.word_embeddings.weight, whole.roberta.embeddings.word_embeddings.weight
    )


def _damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _drop_tensor(path: Path) -> None:
    tensors = load_file(path)
    tensors.pop(sorted(tensors)[0])
    save_file(tensors, path)


def _reshape_tensor(path: Path) -> None:
    tensors = load_file(path)
    name = sorted(tensors)[0]
    save_file(tensors | {name: torch.zeros(3, 3)}, path)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("model.safetensors", Path.unlink, "no model.safetensors"),
        ("model.safetensors", _damage, "model.safetensors is damaged"),
        ("model.safetensors", _drop_tensor, "has no tensor"),
        ("model.safetensors", _reshape_tensor, r"has shape \[3, 3\]"),
        ("head.safetensors", Path.unlink, "no head.safetensors"),
        ("head.safetensors", _damage, "head.safetensors is damaged"),
        ("head.safetensors", _drop_tensor, "head.safetensors has no tensor"),
        ("head.safetensors", _reshape_tensor, r"head.safetensors: tensor .* \[3, 3\]"),
        ("head.json", _damage, "head.json is damaged"),
        ("config.json", Path.unlink, "no config.json"),
        ("config.json", _damage, "config.json is not a usable model config"),
        ("tokenizer.json", Path.unlink, "no tokenizer.json"),
        ("tokenizer.json", _damage, "not a usable tokenizer"),
    ],
)
def test_a_damaged_model_is_named(tmp_path: Path, file: str, change, message: str):
    task = pair_task()
    save_model(tmp_path, tiny_model(task), TOKENIZER, [task])
    change(tmp_path / file)
    with pytest.raises(UserError, match=message):
        load_model(tmp_path)


def test_the_tokenizer_knows_how_long_an_input_the_model_takes(tmp_path: Path):
    folder = tiny_backbone(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = 10**30
    tokenizer.save_pretrained(folder)
    assert load_tokenizer(folder).model_max_length == 64  # 66 positions, two before the first
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    assert load_tokenizer(folder).model_max_length == 66


def test_vectors_are_means_over_the_mask_of_unit_length():
    body = new_body(tiny_config()).eval()
    texts = ["the cat", "the big old dog sees the fish", "what"]
    vectors = embed(body, TOKENIZER, texts, layer=1)
    for text, vector in zip(texts, vectors, strict=True):
        with torch.no_grad():
            inputs = TOKENIZER([text], return_tensors="pt")
            hidden = body(**inputs, output_hidden_states=True).hidden_states[1][0]
        mean = hidden.mean(0).numpy()
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_vectors_do_not_depend_on_the_batches():
    body = new_body(tiny_config())
    features = encode_single(["the cat " * n for n in range(1, 9)], TOKENIZER, 12)
    one_by_one = embed_features(body, features, 2, TOKENIZER, token_budget=1)
    np.testing.assert_allclose(embed_features(body, features, 2, TOKENIZER), one_by_one, atol=1e-5)
    assert one_by_one.dtype == np.float32


def test_a_layer_that_does_not_exist_is_named():
    with pytest.raises(UserError, match=r"retrieval_layer 3 .* 0 to 2"):
        embed(new_body(tiny_config()), TOKENIZER, ["the cat"], layer=3)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(backbones, "SHIPPED", tmp_path / "package")
    folder = tiny_backbone(tmp_path / "package" / "mini-encoder")
    backbones.write_manifest(folder, {"command": "made by a test"})
    return folder


def test_a_shipped_backbone_is_copied(shipped: Path, tmp_path: Path):
    entry = {"name": "mini-encoder", "kind": "shipped"}
    backbones.materialise(entry, tmp_path / "out")
    for path in shipped.iterdir():
        if path.name != backbones.MANIFEST:
            assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_a_changed_shipped_backbone_is_refused(shipped: Path, tmp_path: Path):
    _damage(shipped / "model.safetensors")
    (shipped / "config.json").unlink()
    with pytest.raises(UserError) as caught:
        backbones.materialise({"name": "mini-encoder", "kind": "shipped"}, tmp_path / "out")
    assert len(caught.value.problems) == 2
    assert not (tmp_path / "out").exists()
    (shipped / backbones.MANIFEST).unlink()
    with pytest.raises(UserError, match=r"MANIFEST.json is missing"):
        backbones.materialise({"name": "mini-encoder", "kind": "shipped"}, tmp_path / "out")


@pytest.mark.usefixtures("shipped")
def test_an_untrained_backbone_shares_everything_but_the_weights(shipped: Path, tmp_path: Path):
    weights = []
    for number, (like, seed) in enumerate(
        [("mini-encoder", 1), (str(shipped), 1), (str(shipped), 2)]
    ):
        entry = {"name": "x", "kind": "untrained", "like": like, "seed": seed}
        backbones.materialise(entry, tmp_path / str(number))
        weights.append(
            load_body(tmp_path / str(number)).state_dict()["encoder.layer.0.output.dense.weight"]
        )
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])
    trained = load_body(shipped)
    assert not torch.equal(weights[0], trained.encoder.layer[0].output.dense.weight)
    made = load_tokenizer(tmp_path / "0")
    assert made.get_vocab() == load_tokenizer(shipped).get_vocab()
    assert load_body(tmp_path / "0").config.hidden_size == trained.config.hidden_size


def test_a_hub_backbone_that_cannot_be_had_is_named(tmp_path: Path):
    entry = {"name": "x", "kind": "hub", "hub": str(tmp_path / "nowhere"), "revision": None}
    with pytest.raises(UserError, match=r"Backbone 'x'.*nowhere at revision main"):
        backbones.materialise(entry, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_hub_backbone_is_stored_without_its_pooler(tmp_path: Path):
    source = tiny_backbone(tmp_path / "hub")
    entry = {"name": "x", "kind": "hub", "hub": str(source), "revision": None}
    backbones.materialise(entry, tmp_path / "out")
    assert load_file(tmp_path / "out" / "model.safetensors").keys() == (
        load_file(source / "model.safetensors").keys()
    )


def test_a_world_backbone_is_pretrained_into_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def pretend(entry: dict, folder: Path) -> None:
        tiny_backbone(folder, seed=entry["seed"])

    monkeypatch.setattr("xstilts.models.pretraining.pretrain_on_world", pretend)
    backbones.materialise({"name": "x", "kind": "world", "seed": 1}, tmp_path / "out")
    assert load_body(tmp_path / "out").config.hidden_size == 32


def test_an_unknown_kind_is_named(tmp_path: Path):
    with pytest.raises(UserError, match="'x' has the unknown kind 'magic'"):
        backbones.materialise({"name": "x", "kind": "magic"}, tmp_path / "out")
