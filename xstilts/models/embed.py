"""Sentence vectors: the mean of one layer's hidden states, of unit length.

Loads torch: import it only where a model is needed.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.errors import UserError
from xstilts.models.body import inference_budget
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
    the output. The mean is over the attention mask, with the special tokens, as in XTREME.

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
    hidden = body(**inputs, output_hidden_states=True).hidden_states[layer].float()
    mask = inputs["attention_mask"][:, :, None].to(hidden.dtype)
    mean = (hidden * mask).sum(1) / mask.sum(1)
    return nn.functional.normalize(mean, dim=-1)
