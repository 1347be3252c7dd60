"""How much a training computes, and how much its devices could: model FLOPs utilisation.

The operations that the model needs, whatever the code does, over the peak of the devices
(Chowdhery et al. 2022, https://arxiv.org/abs/2204.02311, appendix B):

    6 · P · n  +  12 · L · d · Σ s²

for n sub-words in inputs of s each, P parameters without embeddings, L layers of width d. A body
that is frozen but for adapters needs no gradients of its weights: two thirds. Heads, and answers
that an encoder-decoder writes, are not counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from xstilts.study.devices import CPU, DEVICES, device_named


@dataclass(frozen=True)
class Work:
    """Floating-point operations of training: per sub-word, and per sub-word and length."""

    per_token: float
    per_pair: float

    def of(self, lengths: Iterable[int]) -> float:
        """Operations of a step on inputs of these lengths in sub-words."""
        return sum(length * (self.per_token + self.per_pair * length) for length in lengths)


def work_of(body: Any, *, adapters: bool) -> Work:
    """The work of training a body of transformers, before it is shared among processes.

    Of an encoder-decoder the encoder counts: the decoder reads one piece for a whole input.
    """
    reader = body.get_encoder() if body.config.is_encoder_decoder else body
    size = sum(parameter.numel() for parameter in reader.parameters())
    size -= reader.get_input_embeddings().weight.numel()
    passes = 2 if adapters else 3  # forward, gradients of states, gradients of weights
    config = body.config
    attention = 4 * config.num_hidden_layers * config.hidden_size
    return Work(passes * 2 * size, passes * attention)


def peak(device: str, precision: str, devices: int) -> float | None:
    """Operations per second of `devices` of a kind together; None where the kind is not known.

    `device` is what torch calls it; of a CPU (`cpu`) the cores are counted, by a rule of thumb.
    """
    known = DEVICES[CPU] if device == "cpu" else device_named(device)
    if known is None:
        return None
    return devices * (known.bf16 if precision == "bf16" else known.fp32)
