"""What kind of transformer a backbone is, and which of its states the heads read.

A model's folder says so itself, in its `config.json`, because stages know folders and not
records. A folder that says nothing holds an encoder that is read at its first token.
"""

from dataclasses import asdict, dataclass
from typing import Any

from xstilts.errors import UserError

ENCODER, ENCODER_DECODER, DECODER = "encoder", "encoder-decoder", "decoder"
# What may stand for a whole input:
#   first    the state of the first special token (BERT, XLM-R)
#   last     the state of the last token, the only one of a decoder that sees the whole input
#            (Radford et al. 2018, GPT: its `extract` token)
#   decoder  the first state of the decoder, which sees the whole input through the encoder
#            (Ni et al. 2021, Sentence-T5, https://arxiv.org/abs/2108.08877, section 3.2)
#   mean     the mean of the (encoder's) states over the attention mask (there, too)
POOLINGS = {
    ENCODER: ("first", "mean"),
    ENCODER_DECODER: ("decoder", "mean"),
    DECODER: ("last", "mean"),
}
INTERFACES = {
    ENCODER: ("heads",),
    ENCODER_DECODER: ("heads", "text"),
    DECODER: ("heads",),
}
_RETRIEVAL_DEPTH = 14 / 24  # Phang et al. 2020 and XTREME: hidden_states[14] of XLM-R large
_KEY = "xstilts"  # of config.json


@dataclass(frozen=True)
class Reading:
    """An architecture, and the `pooling` that makes one state of all of an input.

    With the interface `text` an encoder-decoder has no heads: it reads and writes texts (see
    `tasks.text_forms`). Vectors of sentences are then the encoder's all the same.
    States of single words are always those of the encoder where there is one. A decoder's
    word is read at its last sub-word, the first one that has seen all of it.
    """

    architecture: str = ENCODER
    pooling: str = "first"
    interface: str = "heads"


PLAIN_ENCODER = Reading()


def retrieval_layer(layers: int) -> int:
    """The layer as deep in a model of `layers` layers as 14 is in XLM-R large's 24."""
    return round(_RETRIEVAL_DEPTH * layers)


def declare(config: Any, reading: Reading) -> None:
    """Write `reading` into a transformers config; an encoder's default is not written.

    Raises:
        UserError: the config is one of another architecture, or cannot be read so.
    """
    name = getattr(config, "model_type", "?")
    if reading.pooling not in POOLINGS.get(reading.architecture, ()):
        raise UserError(
            f"Pooling {reading.pooling!r} of the architecture {reading.architecture!r} does not "
            f"exist; use one of {_choices()}."
        )
    if reading.interface not in INTERFACES[reading.architecture]:
        raise UserError(
            f"A model of the architecture {reading.architecture!r} has no interface "
            f"{reading.interface!r}; use one of {', '.join(INTERFACES[reading.architecture])}."
        )
    found = _architecture(config)
    if found != reading.architecture:
        raise UserError(
            f"A model of type {name!r} has the architecture {found!r}, but its record says "
            f"{reading.architecture!r}; correct the backbone's record."
        )
    if reading != PLAIN_ENCODER:
        setattr(config, _KEY, asdict(reading))


def reading_of(config: Any) -> Reading:
    """How the model of a transformers config is to be read.

    Raises:
        UserError: it is no encoder and does not say.
    """
    said = getattr(config, _KEY, None)
    if said is not None:
        return Reading(**said)
    if (found := _architecture(config)) != ENCODER:
        raise UserError(
            f"The config.json of a model of type {config.model_type!r} does not say how the "
            f"{found} is read; make the model with the backbone stage, or add "
            f'{{"{_KEY}": {{"architecture": "{found}", "pooling": "{POOLINGS[found][0]}"}}}}.'
        )
    return PLAIN_ENCODER


def written_reading(config: dict[str, Any]) -> Reading:
    """What the content of a `config.json` declares."""
    return Reading(**config.get(_KEY, {}))


def _architecture(config: Any) -> str:
    from transformers.models.auto import modeling_auto as auto

    if config.is_encoder_decoder:
        return ENCODER_DECODER
    causal = config.model_type in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    masked = config.model_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return DECODER if causal and not masked else ENCODER


def _choices() -> str:
    return "; ".join(f"{name}: {' or '.join(found)}" for name, found in POOLINGS.items())
