"""LoRA: what is trained, what comes out, and how it makes room on a device."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_bodies import model_of, tokenizer_for
from tiny_entry import tiny_entry
from tiny_models import pair_task
from tiny_rows import pair_rows

from xstilts.evaluation.score import score
from xstilts.models.checkpoint import load_model
from xstilts.observe.logs import configure
from xstilts.tasks.formats import format_of
from xstilts.training import engine
from xstilts.training.adapters import add_adapters
from xstilts.training.config import TrainConfig
from xstilts.training.loop import Trained, TrainingSet, train
from xstilts.training.memory import USABLE, Zero, needed
from xstilts.training.predict import predict
from xstilts.training.run import run_training

LORA = {"lora_rank": 4, "lora_alpha": 8}
TASK, ROWS = pair_task(), pair_rows(32)
BODIES = [
    ("encoder", None),
    ("xglm", None),
    ("qwen", None),
    ("mt5", None),
    ("mt5", "mean"),
    ("mt5-text", None),
]


def _features(kind: str, *, train: bool) -> list[dict]:
    tokenizer = tokenizer_for(kind)
    return format_of(TASK, tokenizer.interface).encode(ROWS, tokenizer, TASK, train=train)


def _train(folder: Path, kind: str, model: Any, **settings: Any) -> Trained:
    usual = {"learning_rate": 1e-2, "epochs": 1, "batch_size": 8}
    part = TrainingSet(TASK, _features(kind, train=True), interface=tokenizer_for(kind).interface)
    return train(
        model,
        {TASK.name: part},
        TrainConfig(**usual | settings),
        folder,
        pad_id=tokenizer_for(kind).pad_token_id,
        dev_score=lambda task, found, rows: score(task, "en", found, rows).value,
    )


def _logits(kind: str, model: Any) -> list[np.ndarray]:
    tokenizer = tokenizer_for(kind)
    features = _features(kind, train=False)
    return predict(
        model, TASK.name, TASK, features, tokenizer.pad_token_id, interface=tokenizer.interface
    )


@pytest.mark.parametrize(("kind", "pooling"), BODIES)
def test_only_projections_and_the_head_are_trained(kind: str, pooling: str | None, tmp_path: Path):
    model = model_of(kind, TASK, pooling=pooling)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    projections = {
        f"body.{name}.weight"
        for name, module in model.body.named_modules()
        if isinstance(module, torch.nn.Linear) and name != "lm_head"
    }
    if pooling == "mean":  # nothing reads the decoder
        projections = {name for name in projections if "decoder" not in name}
    elif kind == "mt5":  # whose decoder has one position: nothing to compare there
        projections = {name for name in projections if not _compares_the_decoder(name)}
    heads = {name for name in before if name.startswith("heads.")}
    after = _train(tmp_path, kind, model, **LORA).weights
    assert after.keys() == before.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == projections | heads


def _compares_the_decoder(name: str) -> bool:
    is_side = name.endswith(("SelfAttention.q.weight", "SelfAttention.k.weight"))
    return "decoder" in name and is_side


@pytest.mark.parametrize("kind", ["encoder", "qwen", "mt5", "mt5-text"])
def test_the_merged_model_says_what_the_adapted_one_said(kind: str, tmp_path: Path):
    model, plain = model_of(kind, TASK), model_of(kind, TASK)
    untrained = _logits(kind, plain)
    trained = _train(tmp_path, kind, model, epochs=3, **LORA)
    plain.load_state_dict(trained.weights)
    adapted, found = _logits(kind, model), _logits(kind, plain)
    for one, other in zip(adapted, found, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)
    assert any(a.shape != b.shape or not np.allclose(a, b, atol=0.01)
               for a, b in zip(found, untrained, strict=True))  # fmt: skip


def test_adapters_learn_by_heart(tmp_path: Path):
    model = model_of("encoder", TASK)
    trained = _train(tmp_path, "encoder", model, epochs=40, **LORA)
    model = model_of("encoder", TASK)
    model.load_state_dict(trained.weights)
    answers = np.array([scores.argmax() for scores in _logits("encoder", model)])
    assert (answers == [row["label"] for row in ROWS]).mean() > 0.95


def test_adapters_follow_from_the_seed_alone_and_change_nothing_at_first():
    def adapted(seed: int) -> Any:
        model = model_of("qwen", TASK)
        expected = _logits("qwen", model)
        before = torch.random.get_rng_state()
        add_adapters(model.body, TrainConfig(
            learning_rate=1, epochs=1, batch_size=1, seed=seed, **LORA))  # fmt: skip
        assert torch.equal(before, torch.random.get_rng_state())
        for one, other in zip(_logits("qwen", model), expected, strict=True):
            np.testing.assert_array_equal(one, other)
        return {n: p for n, p in model.state_dict().items() if "lora_A" in n}

    first, second = adapted(0), adapted(1)
    torch.rand(3)
    again = adapted(0)
    assert first
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_stage_with_adapters_leaves_a_model_as_any_other(precision: str, tmp_path: Path):
    entry = tiny_entry(tmp_path)
    entry["training"] |= {"lora_rank": 4, "lora_dropout": 0.1, "precision": precision}
    run_training(entry, tmp_path / "adapted")
    model, _ = load_model(tmp_path / "adapted")
    assert not [name for name in model.state_dict() if "lora" in name]
    summary = json.loads((tmp_path / "adapted" / "training.json").read_text())
    assert summary["config"]["lora_rank"] == 4
    adapters = summary["parameters"] - sum(p.numel() for p in model.parameters())
    heads = sum(p.numel() for p in model.heads.parameters())
    assert summary["trained_parameters"] == adapters + heads
    following = tiny_entry(tmp_path, init=str(tmp_path / "adapted"))
    run_training(following, tmp_path / "out")
    whole = json.loads((tmp_path / "out" / "training.json").read_text())
    assert whole["trained_parameters"] == whole["parameters"] == summary["parameters"] - adapters
    assert whole["before"]["config"]["lora_rank"] == 4


def test_the_stage_follows_from_the_memory_and_adapters_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    sizes = {}
    usual = engine.load_of

    def load_of(*arguments: Any) -> Any:
        sizes["load"] = usual(*arguments)
        return sizes["load"]

    monkeypatch.setattr(engine, "load_of", load_of)
    configure()
    expected = _train(tmp_path, "encoder", model_of("encoder", TASK))
    assert (expected.summary["zero_stage"], expected.summary["offload"]) == (0, "none")
    assert expected.summary["zero_reason"] == "there is no GPU whose memory could be short"
    assert "at ZeRO stage 0: there is no GPU" in capsys.readouterr().out
    short = (needed(sizes["load"], Zero(0)).total - 1) / USABLE
    monkeypatch.setattr(engine, "device_memory", lambda: short)
    found = _train(tmp_path, "encoder", model_of("encoder", TASK))
    assert (found.summary["zero_stage"], found.summary["offload"]) == (2, "optimizer")
    assert "stage 0 would need" in found.summary["zero_reason"]
    for name, tensor in expected.weights.items():
        if not name.endswith("key.bias"):  # whose gradient is rounding alone
            torch.testing.assert_close(found.weights[name], tensor, atol=2e-4, rtol=0)
    adapted = _train(tmp_path, "encoder", model_of("encoder", TASK), **LORA)
    assert (adapted.summary["zero_stage"], adapted.summary["offload"]) == (0, "none")
    frozen = _train(tmp_path, "encoder", model_of("encoder", TASK), freeze_embeddings=True)
    assert frozen.summary["zero_stage"] == 0
    assert frozen.summary["trained_parameters"] < frozen.summary["parameters"]
