"""Low-rank adapters (LoRA): small matrices that are trained while the body stays as it is.

A layer's weight W becomes W + alpha / rank * B A, with A [rank, inputs] and B [outputs, rank]
(Hu et al. 2021, https://arxiv.org/abs/2106.09685). Loads torch; peft where adapters are made.
"""

from typing import Any

import torch
from torch import Tensor

from xstilts.models.architecture import ENCODER_DECODER, Reading, reading_of
from xstilts.models.pooling import encoder
from xstilts.training.config import TrainConfig

# All projections of attention and MLP: with those of attention alone LoRA stays behind full
# fine-tuning (Dettmers et al. 2023, https://arxiv.org/abs/2305.14314, section 4).
_TARGETS = "all-linear"
_STREAM = 23  # of seeds: what A starts from; B starts from nothing


def add_adapters(body: Any, config: TrainConfig) -> None:
    """Freeze the body in place and put an adapter beside each of its linear layers.

    Without a rank nothing is done. A half of the model that nothing reads gets no adapter, nor
    do the scores of words. The adapters follow from the run's seed alone, and change nothing
    before the first step.
    """
    if config.lora_rank is None:
        return
    from peft import LoraConfig, inject_adapter_in_model

    reads_encoder = reading_of(body.config) == Reading(ENCODER_DECODER, "mean", "heads")
    wanted = LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=_TARGETS,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_STREAM + 1000 * config.seed)
        inject_adapter_in_model(wanted, encoder(body) if reads_encoder else body)


def merged(weights: dict[str, Tensor], config: TrainConfig) -> dict[str, Tensor]:
    """A state dict with its adapters multiplied into the weights, which have their names again.

    Without adapters it is the same. What comes out loads as if there had never been any.
    """
    if config.lora_rank is None:
        return weights
    scale = config.lora_alpha / config.lora_rank
    found = {}
    for name, tensor in weights.items():
        layer, _, part = name.partition(".base_layer.")
        if ".lora_" in name:
            continue
        if part == "weight":
            a, b = (weights[f"{layer}.lora_{side}.default.weight"] for side in "AB")
            tensor = tensor + scale * (b @ a)
        found[name.replace(".base_layer.", ".")] = tensor
    return found
