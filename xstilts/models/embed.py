"""Sentence vectors: the mean of one layer's hidden states, of unit length.

Loads torch: import it only where a model is needed.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.errors import UserError
from xstilts.models.architecture import DECODER, reading_of
from xstilts.models.body import inference_budget
from xstilts.models.pooling import encoder, mean, with_positions
from xstilts.tasks.encoding import encode_single, pad
from xstilts.tasks.formats import Feature
from xstilts.tasks.packing import by_length


def embed(
    body: PreTrainedModel, tokenizer: Any, texts: list[str], layer: int, max_length: int = 512
) -> np.ndarray:
    """Vectors of `texts`, float32 [texts, width]; longer texts are cut to `max_length`."""
    limit = min(max_length, tokenizer.model_max_length)
    return embed_features(body, encode_single(texts, tokenizer, limit), layer, tokenizer)


def embed_features(
    body: PreTrainedModel,
    features: list[Feature],
    layer: int,
    tokenizer: Any,
    token_budget: int | None = None,
) -> np.ndarray:
    """Vectors of the features of `retrieval` or `mining`, float32 [features, width].

    `layer` counts as `hidden_states` of transformers do: 0 is the embedding, the last one
    the output; of an encoder-decoder they are the encoder's. The mean is over the attention
    mask, with the special tokens, as in XTREME; a decoder's leaves out the first token, whose
    state is the same for all texts and many times longer than the others (Sun et al. 2024,
    https://arxiv.org/abs/2402.17762).

    Raises:
        UserError: the body has no such layer.
    """
    layers = body.config.num_hidden_layers
    if not 0 <= layer <= layers:
        raise UserError(
            f"retrieval_layer {layer} does not exist: the model has layers 0 to {layers}; "
            "choose one of them."
        )
    vectors = np.empty((len(features), body.config.hidden_size), dtype=np.float32)
    where = next(body.parameters()).device
    body.eval()
    with torch.inference_mode():
        budget = token_budget or inference_budget(where)
        for indices in by_length([f["length"] for f in features], budget):
            batch = pad([features[i] for i in indices], tokenizer.pad_token_id)
            vectors[indices] = _pooled(body, batch, layer, where).cpu().numpy()
    return vectors


def _pooled(
    body: PreTrainedModel, batch: dict[str, Tensor], layer: int, where: torch.device
) -> Tensor:
    inputs = {name: values.to(where) for name, values in batch.items()}
    mask, is_decoder = inputs["attention_mask"], reading_of(body.config).architecture == DECODER
    called = with_positions(inputs) if is_decoder else inputs
    hidden = encoder(body)(**called, output_hidden_states=True).hidden_states[layer].float()
    found = mean(hidden[:, 1:], mask[:, 1:]) if is_decoder else mean(hidden, mask)
    return nn.functional.normalize(found, dim=-1)
