"""An encoder-decoder that writes its answers (loads torch)."""

from typing import Any

from torch import Tensor
from transformers import GenerationConfig

from xstilts.models.pooling import start_token


def write(body: Any, inputs: dict[str, Tensor], batch: dict[str, Tensor]) -> Tensor:
    """Scores of the sub-words of `labels` [n, length, vocabulary]; without labels what the
    body itself writes, sub-word by sub-word the likeliest: ids [n, at most `longest`].
    """
    if "labels" in batch:
        start = body.prepare_decoder_input_ids_from_labels(labels=batch["labels"])
        found: Tensor = body(**inputs, decoder_input_ids=start, use_cache=False).logits
        return found
    config = GenerationConfig(
        max_new_tokens=int(batch["longest"]),
        decoder_start_token_id=start_token(body.config),
        eos_token_id=body.config.eos_token_id,
        pad_token_id=body.config.pad_token_id,
    )
    written: Tensor = body.generate(**inputs, generation_config=config)[:, 1:]
    return written
