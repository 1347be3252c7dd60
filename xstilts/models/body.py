"""Loading and saving transformer bodies and tokenizers in the Hugging Face layout.

Loads torch and transformers: import it only where a model is needed.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedModel,
)
from transformers.utils import logging as transformers_logging

from xstilts.errors import UserError, raise_if_any
from xstilts.models.architecture import ENCODER, reading_of, written_reading

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
_UNLIMITED = 10**6  # tokenizers without a limit say 10^30

transformers_logging.disable_progress_bar()
transformers_logging.set_verbosity_error()  # what matters in its reports is checked here


def device() -> torch.device:
    """Where models run: the first GPU when there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_name() -> str:
    """What `device` calls itself: `cpu`, or the GPU's name, such as NVIDIA A100-SXM4-40GB."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def inference_budget(where: torch.device) -> int:
    """Sub-words in one batch without gradients: what fits a CPU's cache, or fills a GPU."""
    return 65_536 if where.type == "cuda" else 4_096


def new_body(config: Any) -> PreTrainedModel:
    """A body with random weights (from torch's global generator) and no pooler."""
    return auto_class(config).from_config(
        config,
        attn_implementation=_attention(config),
        dtype=torch.float32,
        **without_pooler(config),
    )


def auto_class(config: Any) -> Any:
    """Of bodies: without the scores of words, unless the model is there to write."""
    return AutoModelForSeq2SeqLM if reading_of(config).interface == "text" else AutoModel


def without_pooler(config: Any) -> dict[str, bool]:
    """Arguments that keep a body from having a pooler; only encoders have one to leave out."""
    reads_encoder = reading_of(config).architecture == ENCODER
    return {"add_pooling_layer": False} if reads_encoder else {}


def _attention(config: Any) -> str:
    # On the CPU torch's fused kernel is half as fast as plain matrix products in bf16; some
    # models (XGLM) have plain products alone.
    fused = torch.cuda.is_available() and _class_of(config)._supports_sdpa
    return "sdpa" if fused else "eager"


def _class_of(config: Any) -> Any:
    return MODEL_MAPPING[type(config)]


def load_body(folder: Path) -> PreTrainedModel:
    """The body in `folder`, in float32, on the CPU, without a pooler.

    Raises:
        UserError: a file is missing or damaged, or the weights do not belong to the config.
    """
    config = load_config(folder)
    try:
        body, report = auto_class(config).from_pretrained(
            folder,
            config=config,
            attn_implementation=_attention(config),
            dtype=torch.float32,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # reported below, all at once
            output_loading_info=True,
            **without_pooler(config),
        )
    except SafetensorError as error:
        raise _damaged(folder / WEIGHTS, error) from error
    except OSError as error:
        raise UserError(
            f"{folder} is not a model: it has no {WEIGHTS}; run the stage that makes it."
        ) from error
    _raise_if_incomplete(folder / WEIGHTS, report)
    return body


def _raise_if_incomplete(path: Path, report: dict[str, Any]) -> None:
    problems = [_missing(path, name) for name in report["missing_keys"]]
    problems += [_misshapen(path, *found) for found in report["mismatched_keys"]]
    raise_if_any(sorted(problems))


def load_config(folder: Path) -> Any:
    """The transformers config in `folder`.

    Raises:
        UserError: it is missing, or not the config of a known architecture.
    """
    try:
        return AutoConfig.from_pretrained(_existing(folder, CONFIG).parent)
    except (ValueError, OSError) as error:
        raise UserError(
            f"{folder / CONFIG} is not a usable model config ({_first_line(error)}); "
            "write the model again."
        ) from error


def load_tokenizer(folder: Path) -> Any:
    """The fast tokenizer in `folder`, made to fit the model there.

    Its `model_max_length` is what the model can take; `architecture` says what it writes
    inputs for. One that knows no padding pads with its end token: no model looks there.

    Raises:
        UserError: it is missing or damaged, or lacks a token that inputs need.
    """
    config = json.loads(_existing(folder, CONFIG).read_text(encoding="utf-8"))
    _existing(folder, TOKENIZER)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # the tokenizers library raises plain Exception
        raise UserError(
            f"{folder / TOKENIZER} is not a usable tokenizer ({_first_line(error)}); "
            "write the model again."
        ) from error
    tokenizer.model_max_length = min(tokenizer.model_max_length, _positions(config), _UNLIMITED)
    reading = written_reading(config)
    tokenizer.architecture, tokenizer.interface = reading.architecture, reading.interface
    if tokenizer.eos_token_id is None and tokenizer.architecture != ENCODER:
        raise UserError(
            f"{folder / TOKENIZER} has no end-of-sequence token, which the inputs of a model of "
            f"the architecture {tokenizer.architecture!r} end with; choose another backbone."
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _positions(config: dict[str, Any]) -> int:
    """Longest input of a model: RoBERTa's positions start behind the padding index."""
    positions = config.get("max_position_embeddings", _UNLIMITED)
    is_roberta = "roberta" in config.get("model_type", "")
    return positions - config.get("pad_token_id", 1) - 1 if is_roberta else positions


def save_body(folder: Path, config: Any, weights: dict[str, Tensor], tokenizer: Any) -> None:
    """Write config.json, model.safetensors and the tokenizer's files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    config.dtype = "float32"
    config.save_pretrained(folder)
    save_weights(folder / WEIGHTS, _each_once(config, weights))
    tokenizer.save_pretrained(folder)


def _each_once(config: Any, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without what is tied to another tensor: T5 has its embedding in both halves, and more.

    mT5's output weights may be tied by its class and yet have values of their own.
    """
    if not config.is_encoder_decoder:
        return weights
    whole: Any = MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING[type(config)]
    tied = whole._tied_weights_keys
    same = {n for n, of in tied.items() if n in weights and torch.equal(weights[n], weights[of])}
    return {name: tensor for name, tensor in weights.items() if name not in same}


def save_weights(path: Path, weights: dict[str, Tensor]) -> None:
    """Write tensors as safetensors that every user may read."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    save_file(tensors, path, metadata={"format": "pt"})
    path.chmod(0o644)  # safetensors writes 0600


def load_weights(path: Path, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """Read a safetensors file that must hold tensors of the names and shapes of `wanted`.

    Raises:
        UserError: the file is missing or damaged, or a tensor is.
    """
    _existing(path.parent, path.name)
    try:
        found = load_file(path)
    except SafetensorError as error:
        raise _damaged(path, error) from error
    problems = [_missing(path, name) for name in wanted.keys() - found.keys()]
    for name in wanted.keys() & found.keys():
        if wanted[name].shape != found[name].shape:
            problems.append(_misshapen(path, name, found[name].shape, wanted[name].shape))
    raise_if_any(sorted(problems))
    return {name: found[name] for name in wanted}


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} is damaged ({_first_line(error)}); delete it and write it again.")


def _missing(path: Path, name: str) -> str:
    return f"{path} has no tensor {name!r}, which its config asks for; write the model again."


def _misshapen(path: Path, name: str, found: Sequence[int], wanted: Sequence[int]) -> str:
    return (
        f"{path}: tensor {name!r} has shape {list(found)}, but its config says {list(wanted)}; "
        "write the model again."
    )


def _existing(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise UserError(f"{folder} is not a model: it has no {name}; run the stage that makes it.")
    return path


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
