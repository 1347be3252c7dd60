"""How many sub-words a text has for a backbone, from its tokenizer alone: no model is loaded."""

from collections.abc import Callable, Sequence
from pathlib import Path

from xstilts.errors import UserError
from xstilts.models.backbones import BACKBONES, SHIPPED

TOKENIZER = "tokenizer.json"
Pieces = Callable[[Sequence[str]], list[int]]


def pieces_of(model: str, *, from_scratch: bool, root: Path) -> Pieces:
    """The function that counts the sub-words of texts, without special tokens.

    A backbone that a study pretrains has a tokenizer once its stage ran in `root`. Raises
    `UserError` if it has not, or if the hub cannot be reached for one that lies there.
    """
    from tokenizers import Tokenizer

    path = _tokenizer(model, from_scratch, root)
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the tokenizers library raises plain Exception
        raise UserError(
            f"{path} is no usable tokenizer ({error}); write the model again."
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def count(texts: Sequence[str]) -> list[int]:
        encoded = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(one.ids) for one in encoded]

    return count


def _tokenizer(model: str, from_scratch: bool, root: Path) -> Path:
    backbone, made = BACKBONES[model], root / "models" / "backbone" / model / TOKENIZER
    if backbone.kind == "shipped" and not from_scratch:
        return SHIPPED / model / TOKENIZER
    if made.is_file():
        return made
    if backbone.hub is None:
        raise UserError(
            f"{model} is pretrained by this study and has no tokenizer before its stage "
            f"backbone@{model} ran."
        )
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(backbone.hub, TOKENIZER, revision=backbone.revision))
    except Exception as error:  # no common class for what can go wrong with a network
        first = str(error).strip().partition("\n")[0][:200]
        raise UserError(
            f"the tokenizer of {model} ({backbone.hub} on the hub) could not be fetched "
            f"({type(error).__name__}: {first})."
        ) from error
