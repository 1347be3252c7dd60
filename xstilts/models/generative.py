"""Small decoders and encoder-decoders, and what they are pretrained on (loads torch).

A decoder guesses every next piece (Radford et al. 2018). An encoder-decoder writes the spans
that were cut out of its input (Raffel et al. 2020, T5, https://arxiv.org/abs/1910.10683,
section 3.1.4: 15 % of the pieces, spans of 3 on average).
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

from xstilts.models.vocabulary import SENTINELS

CORRUPTED, SPAN = 0.15, 3.0


def new_decoder(
    vocabulary: int, width: int, layers: int, heads: int, positions: int, ends: tuple[int, int, int]
) -> LlamaForCausalLM:
    """An untrained decoder; `ends` are the ids of start, end and padding."""
    bos, eos, pad = ends
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=_gated(width),
            max_position_embeddings=positions,
            bos_token_id=bos,
            eos_token_id=eos,
            pad_token_id=pad,
            tie_word_embeddings=True,
            initializer_range=0.05,
        )
    )
    model.set_attn_implementation("eager")  # faster than the fused kernel on a CPU
    return model


def new_encoder_decoder(
    vocabulary: int, width: int, layers: int, heads: int, ends: tuple[int, int, int]
) -> T5ForConditionalGeneration:
    """An untrained encoder-decoder with `layers` layers in each half."""
    _, eos, pad = ends
    model = T5ForConditionalGeneration(
        T5Config(
            vocab_size=vocabulary,
            d_model=width,
            d_kv=width // heads,
            d_ff=_gated(width),
            num_layers=layers,
            num_decoder_layers=layers,
            num_heads=heads,
            feed_forward_proj="gated-gelu",
            dropout_rate=0.0,
            eos_token_id=eos,
            pad_token_id=pad,
        )
    )
    model.config.decoder_start_token_id = pad  # as T5 has it
    model.set_attn_implementation("eager")
    return model


def _gated(width: int) -> int:
    """Width of a gated layer with as many weights as a plain one of 4 times the width."""
    return 8 * width // 3 // 8 * 8


def start_embeddings(model: Any, vectors: np.ndarray) -> None:
    """Put word vectors [vocabulary, width] into the embedding, at the deviation it has now.

    Pieces whose vector is zero keep what they have.
    """
    weight = model.get_input_embeddings().weight
    with torch.no_grad():
        known = torch.from_numpy(np.abs(vectors).sum(1) > 0)
        start = torch.from_numpy(vectors * (weight.std().item() / vectors.std())).float()
        weight[known] = start[known]


def next_piece_loss(model: Any, rows: Tensor) -> Tensor:
    """Mean cross-entropy of every piece of `rows` [n, length] given those before it."""
    hidden = model.model(input_ids=rows[:, :-1], use_cache=False).last_hidden_state
    logits = model.lm_head(hidden).float()
    return nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())


def span_loss(model: Any, rows: Tensor, sentinels: Tensor, generator: np.random.Generator) -> Any:
    """Mean cross-entropy of the spans cut out of `rows` [n, length]."""
    cut = np.stack([span_starts(rows.shape[1], generator) for _ in range(len(rows))])
    inputs, targets = corrupted(rows.numpy(), cut, sentinels.numpy(), model.config.eos_token_id)
    return model(
        input_ids=torch.from_numpy(inputs), labels=torch.from_numpy(targets), use_cache=False
    ).loss


def span_starts(length: int, generator: np.random.Generator) -> np.ndarray:
    """Which pieces of a row are cut out: for each, the number of its span from 1, or 0.

    The number of pieces and that of spans depend on the length alone, so that all rows of a
    batch stay equally long; a row begins with a piece that stays. T5's
    `random_spans_noise_mask`.
    """
    noise = min(max(round(CORRUPTED * length), 1), length - 1)
    spans = min(max(round(noise / SPAN), 1), length - noise, len(SENTINELS))
    kept, lost = (_parts(total, spans, generator) for total in (length - noise, noise))
    sizes = np.stack([kept, lost], axis=1).ravel()
    names = np.stack([np.zeros(spans, np.int64), np.arange(1, spans + 1)], axis=1).ravel()
    return np.repeat(names, sizes)


def _parts(total: int, parts: int, generator: np.random.Generator) -> np.ndarray:
    """`total` as a sum of `parts` positive numbers, all sums equally likely."""
    borders = np.sort(generator.choice(np.arange(1, total), size=parts - 1, replace=False))
    return np.diff(np.concatenate([[0], borders, [total]]))


def corrupted(
    rows: np.ndarray, cut: np.ndarray, sentinels: np.ndarray, end: int
) -> tuple[np.ndarray, np.ndarray]:
    """Input and target of every row, [n, shorter] and [n, cut out]; both end with `end`.

    In the input each span is one sentinel; the target has each sentinel with its span.
    """
    pairs = [_one(row, own, sentinels, end) for row, own in zip(rows, cut, strict=True)]
    inputs, targets = (np.stack(side) for side in zip(*pairs, strict=True))
    return inputs, targets


def _one(
    row: np.ndarray, cut: np.ndarray, sentinels: np.ndarray, end: int
) -> tuple[np.ndarray, np.ndarray]:
    first = (cut > 0) & (np.diff(cut, prepend=0) != 0)  # the first piece of each span
    names = sentinels[np.maximum(cut - 1, 0)]
    kept = np.where(first, names, row)[(cut == 0) | first]
    places = np.flatnonzero(cut)
    lost = np.insert(row[places], np.flatnonzero(first[places]), names[first])
    return np.append(kept, end), np.append(lost, end)
