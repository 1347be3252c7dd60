"""A backbone whose hub page has no tokenizer.json, only sentencepiece's own file, as mT5's."""

import io
from pathlib import Path

import pytest
from tiny_bodies import tiny_folder

from xstilts.files import write_json
from xstilts.models.backbones import materialise
from xstilts.models.body import load_tokenizer

READING = {"architecture": "encoder-decoder", "pooling": "decoder"}
TEXT = [f"the cat number {n} sees a big dog in the garden of house {7 * n}" for n in range(200)]


def test_a_tokenizer_is_made_from_sentencepieces_file(tmp_path: Path):
    sentencepiece = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    hub = tiny_folder(tmp_path / "hub", "mt5")
    (hub / "tokenizer.json").unlink()
    write_json(hub / "tokenizer_config.json", {"tokenizer_class": "T5Tokenizer", "extra_ids": 0})
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT), model_writer=model, vocab_size=60, model_type="unigram",
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, minloglevel=2,
    )  # fmt: skip
    (hub / "spiece.model").write_bytes(model.getvalue())
    entry = {"name": "mt5", "kind": "hub", "hub": str(hub), "reading": READING}
    materialise(entry, tmp_path / "backbone")
    found = load_tokenizer(tmp_path / "backbone")
    wanted = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    text = "the big cat sees house 14"
    assert found(text)["input_ids"] == [*wanted.encode(text), 1]
    assert found.eos_token == "</s>"
