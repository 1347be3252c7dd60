"""Bodies and tokenizers of every architecture, small enough to train within a test."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from tiny_models import WORDS, tiny_config, tiny_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    LlamaConfig,
    MT5Config,
    PreTrainedTokenizerFast,
    Qwen3Config,
    XGLMConfig,
)

from xstilts.models.architecture import DECODER, ENCODER_DECODER, Reading, declare
from xstilts.models.body import load_tokenizer, new_body, save_body
from xstilts.models.heads import TaskModel
from xstilts.tasks.record import Task

WIDTH, LAYERS, POSITIONS = 32, 2, 64
ENDS = {"eos_token": "</s>", "unk_token": "<unk>"}
Template = tuple[str, str]
NAMES = [  # of tasks and fields, as texts have them
    "pairs:", "tags:", "spans:", "choices:", "sentence1:", "sentence2:", "question:", "context:",
    "prompt:", *(f"choice{n}{end}" for n in (1, 2, 3) for end in ("", ":")), "yes", "no", "O",
    "B-LOC", "I-LOC",
]  # fmt: skip
_SIZES: dict[str, Any] = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS} | {
    "intermediate_size": 2 * WIDTH, "num_attention_heads": 2, "num_key_value_heads": 1,
    "head_dim": 16, "max_position_embeddings": POSITIONS, "initializer_range": 0.1,
    "eos_token_id": 2, "bos_token_id": None, "pad_token_id": None,
}  # fmt: skip


def _words(template: Template, special: list[str], **names: str) -> Any:
    """Whole words and letters, with the special tokens of `template` set around them."""
    letters = list("abcdefghijklmnopqrstuvwxyz.?:0123456789-BILOC")
    words = [*WORDS, *NAMES]
    pieces = [*special, "▁", *(f"▁{word}" for word in words), *letters]
    scores = [0.0] * len(special) + [-3.0] + [-1.0] * len(words) + [-4.0] * len(letters)
    unknown = special.index("<unk>")
    core = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=unknown))
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.decoder = decoders.Metaspace()
    core.post_processor = processors.TemplateProcessing(
        single=template[0],
        pair=template[1],
        special_tokens=[(token, number) for number, token in enumerate(special)],
    )
    return PreTrainedTokenizerFast(tokenizer_object=core, **names)


def _bytes() -> Any:
    """Qwen's way: words of bytes with the space before them, no special token around texts."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.train_from_iterator(
        [" ".join(["the", *WORDS]), " ".join(WORDS)] * 2,
        trainers.BpeTrainer(
            vocab_size=420,
            special_tokens=["<none>", "<more>", "<|endoftext|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    core.post_processor = processors.ByteLevel(trim_offsets=False)
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|endoftext|>")


@dataclass(frozen=True)
class Kind:
    """A config, the tokenizer as its makers left it, and how the body is read."""

    config: Any
    tokenizer: Any
    reading: Reading


@cache
def kinds() -> dict[str, Kind]:
    plain = ["<s>", "<pad>", "</s>", "<unk>"]
    sentinels = [f"<extra_id_{number}>" for number in range(10)]
    xglm = _words(
        ("</s> $A", "</s> $A </s> </s> $B"), plain, **ENDS, pad_token="<pad>", bos_token="<s>"
    )
    llama = _words(("<s> $A", "<s> $A <s> $B"), plain, **ENDS, bos_token="<s>")
    mt5 = _words(
        ("$A </s>", "$A </s> $B </s>"),
        ["<pad>", "</s>", "<unk>", *sentinels],
        **ENDS,
        pad_token="<pad>",
    )
    qwen = _bytes()
    return {
        "encoder": Kind(tiny_config(), tiny_tokenizer(), Reading()),
        "xglm": Kind(_xglm(len(xglm)), xglm, Reading(DECODER, "last")),
        "llama": Kind(
            LlamaConfig(vocab_size=len(llama), **_SIZES), llama, Reading(DECODER, "last")
        ),
        "qwen": Kind(Qwen3Config(vocab_size=len(qwen), **_SIZES), qwen, Reading(DECODER, "last")),
        "mt5": Kind(_mt5(len(mt5)), mt5, Reading(ENCODER_DECODER, "decoder")),
        "mt5-text": Kind(_mt5(len(mt5)), mt5, Reading(ENCODER_DECODER, "decoder", "text")),
    }


def _xglm(vocabulary: int) -> XGLMConfig:
    return XGLMConfig(
        vocab_size=vocabulary, d_model=WIDTH, ffn_dim=2 * WIDTH, num_layers=LAYERS,
        attention_heads=2, max_position_embeddings=POSITIONS, init_std=0.1, dropout=0.0,
        attention_dropout=0.0, activation_dropout=0.0,
    )  # fmt: skip


def _mt5(vocabulary: int) -> MT5Config:
    return MT5Config(
        vocab_size=vocabulary, d_model=WIDTH, d_kv=16, d_ff=2 * WIDTH, num_layers=LAYERS,
        num_heads=2, feed_forward_proj="gated-gelu", dropout_rate=0.0, classifier_dropout=0.0,
        decoder_start_token_id=0,
    )  # fmt: skip


def tiny_body(kind: str, pooling: str | None = None, seed: int = 0) -> Any:
    found = kinds()[kind]
    config = type(found.config).from_dict(found.config.to_dict())
    declare(config, replace(found.reading, pooling=pooling or found.reading.pooling))
    torch.manual_seed(seed)
    return new_body(config)


def tiny_folder(folder: Path, kind: str, pooling: str | None = None, seed: int = 0) -> Path:
    """A random body with its tokenizer, as the backbone phase writes one."""
    body = tiny_body(kind, pooling, seed)
    save_body(folder, body.config, body.state_dict(), kinds()[kind].tokenizer)
    return folder


@cache
def tokenizer_for(kind: str) -> Any:
    """The tokenizer as a stage loads it."""
    with TemporaryDirectory() as folder:
        return load_tokenizer(tiny_folder(Path(folder, kind), kind))


def model_of(kind: str, *tasks: Task, pooling: str | None = None, seed: int = 0) -> TaskModel:
    return TaskModel(tiny_body(kind, pooling, seed), list(tasks), seed)
