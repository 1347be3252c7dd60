"""Pretraining of the miniature models: what is asked of them, and that they learn it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.errors import UserError
from xstilts.files import read_json
from xstilts.models.architecture import POOLINGS, Reading, reading_of
from xstilts.models.backbones import materialise
from xstilts.models.body import load_body, load_tokenizer
from xstilts.models.generative import (
    corrupted,
    new_decoder,
    new_encoder_decoder,
    next_piece_loss,
    span_starts,
)
from xstilts.models.pretraining import Recipe, pretrain
from xstilts.models.vocabulary import SENTINELS, train_tokenizer
from xstilts.tasks.encoding import Template

ENDS = (0, 2, 1)
END = 2


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 200), st.integers(0, 1000))
def test_the_text_can_be_put_together_again(length: int, seed: int):
    rng = np.random.default_rng(seed)
    row, names = rng.integers(100, 200, length), np.arange(16) + 10
    cut = span_starts(length, rng)
    (inputs,), (target,) = corrupted(row[None], cut[None], names, END)
    assert inputs[-1] == target[-1] == END
    spans = {}
    for piece in target[:-1]:
        if piece in names:
            spans[piece] = []
        else:
            spans[next(reversed(spans))].append(piece)
    assert list(spans) == list(names[: len(spans)])
    whole = [p for token in inputs[:-1] for p in spans.get(token, [token])]
    assert whole == row.tolist()
    assert (cut > 0).sum() == min(max(round(0.15 * length), 1), length - 1)
    assert cut[0] == 0


def test_all_rows_of_a_batch_are_equally_long_and_cut_differently():
    rng = np.random.default_rng(0)
    cuts = [span_starts(96, rng) for _ in range(20)]
    assert {(cut > 0).sum() for cut in cuts} == {14}
    assert {cut.max() for cut in cuts} == {5}
    assert len({cut.tobytes() for cut in cuts}) > 15


def test_a_decoder_is_asked_for_every_next_piece():
    torch.manual_seed(0)
    model = new_decoder(50, 16, 1, 2, 32, ENDS)
    rows = torch.randint(5, 50, (3, 12))
    with torch.no_grad():
        scores = model(input_ids=rows).logits.log_softmax(-1)[:, :-1]
        expected = -scores.gather(2, rows[:, 1:, None]).mean()
        assert next_piece_loss(model, rows).item() == pytest.approx(expected.item(), rel=1e-5)


def test_an_untrained_model_guesses_evenly():
    rows = torch.randint(5, 50, (8, 30), generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    decoder = new_decoder(50, 32, 1, 2, 32, ENDS)
    whole = new_encoder_decoder(50, 32, 1, 2, ENDS)
    with torch.no_grad():
        losses = [next_piece_loss(decoder, rows), whole(input_ids=rows, labels=rows).loss]
    assert [loss.item() for loss in losses] == pytest.approx([np.log(50)] * 2, rel=0.3)


TEXTS = ["the cat sees the dog .", "the dog likes the red house .", "a red cat sees a house ."]
RECIPE = Recipe(
    vocabulary=80, width=16, layers=1, heads=2, positions=32, length=24, batch=8, steps=120,
    learning_rate=1e-2, window=2,
)  # fmt: skip


@pytest.mark.parametrize("architecture", POOLINGS)
def test_a_model_learns_its_texts_and_is_a_backbone(architecture: str, tmp_path: Path):
    reading = Reading(architecture, POOLINGS[architecture][0])
    pretrain(TEXTS * 40, RECIPE, tmp_path, reading)
    losses = [entry["loss"] for entry in read_json(tmp_path / "training.json")["log"]]
    assert losses[-1] < 0.7 * np.log(80)
    body, tokenizer = load_body(tmp_path), load_tokenizer(tmp_path)
    assert reading_of(body.config) == reading
    assert tokenizer.architecture == architecture
    assert (tokenizer.mask_token is None) == (architecture != "encoder")
    assert body.get_input_embeddings().weight.shape == (len(tokenizer), 16)


@pytest.mark.parametrize("architecture", POOLINGS)
def test_the_tokenizer_writes_what_the_architecture_reads(architecture: str):
    tokenizer = train_tokenizer(TEXTS, 80, 32, architecture)
    tokenizer.architecture = architecture
    template = Template.of(tokenizer)
    before, between = {
        "encoder": ([0], [2, 2]), "decoder": ([0], [2]), "encoder-decoder": ([], [2]),
    }[architecture]  # fmt: skip
    assert template.single == (before, [2])
    assert template.pair == (before, between, [2])
    has_sentinels = set(SENTINELS) <= tokenizer.get_vocab().keys()
    assert has_sentinels == (architecture == "encoder-decoder")


def test_a_pretrained_architecture_that_does_not_exist_is_named(tmp_path: Path):
    entry = {"name": "x", "kind": "world", "pretraining": {"stories": 2, "steps": 1}}
    entry |= {"reading": {"architecture": "decoder", "pooling": "first"}}
    with pytest.raises(UserError, match="Pooling 'first' of the architecture 'decoder'"):
        materialise(entry, tmp_path / "out")
