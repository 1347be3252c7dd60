"""The states of an input's words, and the one state that stands for all of it (loads torch)."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from xstilts.models.architecture import DECODER, reading_of

Inputs = dict[str, Tensor]


class States(NamedTuple):
    """Of a batch: of every sub-word [inputs, length, width], of every input [inputs, width]."""

    words: Tensor
    whole: Tensor


def states(body: PreTrainedModel, inputs: Inputs) -> States:
    """The body's last states of `inputs` ([inputs, length] each), as its config says."""
    reading = reading_of(body.config)
    called: dict[str, Any] = with_positions(inputs) if reading.architecture == DECODER else inputs
    if reading.pooling == "decoder":
        start = torch.full_like(inputs["input_ids"][:, :1], start_token(body.config))
        found = body(**called, decoder_input_ids=start, use_cache=False)
        return States(found.encoder_last_hidden_state, found.last_hidden_state[:, 0])
    called = called if reading.architecture == "encoder" else called | {"use_cache": False}
    words = encoder(body)(**called).last_hidden_state
    return States(words, _pooled(words, inputs["attention_mask"], reading.pooling))


def with_positions(inputs: Inputs) -> Inputs:
    """`inputs` with the place of each token among those that are no padding.

    A decoder would count padding on the left, too.
    """
    places = inputs["attention_mask"].cumsum(1) - 1
    return inputs | {"position_ids": places.clamp(min=0)}


def start_token(config: Any) -> int:
    """What a decoder's output starts from; T5's models start from their padding."""
    start = getattr(config, "decoder_start_token_id", None)
    return int(config.pad_token_id if start is None else start)


def encoder(body: PreTrainedModel) -> Any:
    """The part of a body that reads the input: all of it but for an encoder-decoder."""
    return body.get_encoder() if body.config.is_encoder_decoder else body


def _pooled(words: Tensor, mask: Tensor, pooling: str) -> Tensor:
    if pooling == "first":
        return words[:, 0]
    if pooling == "mean":
        return mean(words, mask)
    places = torch.arange(mask.shape[1], device=mask.device)
    last = (places * mask).argmax(1)
    return words[torch.arange(len(words), device=mask.device), last]


def mean(words: Tensor, mask: Tensor) -> Tensor:
    """Mean of states [inputs, length, width] over a mask [inputs, length]."""
    weights = mask[:, :, None].to(words.dtype)
    return (words * weights).sum(1) / weights.sum(1)
