"""The pretrained models: a table of records, and how each kind gets into a folder.

Light to import; torch and transformers load when a backbone is made.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.errors import UserError, raise_if_any
from xstilts.files import read_json, replaced_folder, sha256, write_json
from xstilts.models.architecture import (
    DECODER,
    ENCODER_DECODER,
    PLAIN_ENCODER,
    Reading,
    declare,
    retrieval_layer,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SHIPPED = Path(__file__).parent  # a shipped checkpoint lies in the folder of its name
MANIFEST = "MANIFEST.json"


@dataclass(frozen=True)
class Shape:
    """How large a model is; `body` counts the parameters of its layers, without embeddings.

    `body`, `layers` and `width` of an encoder-decoder are its encoder's: its decoder has one
    state to make.
    """

    parameters: int
    body: int
    layers: int
    width: int


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A pretrained model.

    `reading` is its architecture and what stands for a whole input. `shape` serves estimates
    of time and memory. `retrieval_layer` is the layer (of the encoder where there is one)
    whose mean is a sentence's vector (0 is the embedding); `freeze_embeddings` says whether
    fine-tuning leaves the embedding matrix as it is. `pace` multiplies the learning rates of
    tasks and studies, which are an encoder's, so that models of one study all learn.
    """

    name: str
    kind: str  # shipped | hub
    hub: str | None = None
    revision: str | None = None
    reading: Reading = PLAIN_ENCODER
    shape: Shape
    retrieval_layer: int
    freeze_embeddings: bool = False
    pace: float = 1.0


# T5 wants larger steps than an encoder: 1e-4 to 3e-4 with AdamW (documentation of transformers,
# "T5"), where XTREME takes 2e-5 to 3e-5
_T5_PACE = 10.0
_MT5 = {
    "small": Shape(172_119_424, 18_883_264, layers=8, width=512),
    "base": Shape(390_315_264, 84_954_240, layers=12, width=768),
    "large": Shape(973_466_624, 308_332_032, layers=24, width=1024),
}
BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="mini-encoder",
            kind="shipped",
            shape=Shape(1_396_608, 793_088, layers=4, width=128),
            retrieval_layer=3,
            freeze_embeddings=True,
        ),
        Backbone(
            name="xlm-roberta-base",
            kind="hub",
            hub="FacebookAI/xlm-roberta-base",
            shape=Shape(277_453_056, 85_054_464, layers=12, width=768),
            retrieval_layer=8,
        ),
        # Phang et al. 2020 and XTREME: hidden_states[14] of 25
        Backbone(
            name="xlm-roberta-large",
            kind="hub",
            hub="FacebookAI/xlm-roberta-large",
            shape=Shape(558_840_832, 302_309_376, layers=24, width=1024),
            retrieval_layer=14,
        ),
        Backbone(
            name="bert-base-multilingual-cased",
            kind="hub",
            hub="google-bert/bert-base-multilingual-cased",
            shape=Shape(177_262_848, 85_054_464, layers=12, width=768),
            retrieval_layer=8,
        ),
        *(
            Backbone(
                name=f"mt5-{size}",
                kind="hub",
                hub=f"google/mt5-{size}",
                reading=Reading(ENCODER_DECODER, "decoder"),
                shape=shape,
                retrieval_layer=retrieval_layer(shape.layers),
                pace=_T5_PACE,
            )
            for size, shape in _MT5.items()
        ),
        *(
            Backbone(
                name=f"mt5-{size}-text",
                kind="hub",
                hub=f"google/mt5-{size}",
                reading=Reading(ENCODER_DECODER, "decoder", interface="text"),
                shape=shape,
                retrieval_layer=retrieval_layer(shape.layers),
                pace=_T5_PACE,
            )
            for size, shape in _MT5.items()
        ),
        Backbone(
            name="xglm-564m",
            kind="hub",
            hub="facebook/xglm-564M",
            reading=Reading(DECODER, "last"),
            shape=Shape(564_463_616, 302_311_424, layers=24, width=1024),
            retrieval_layer=retrieval_layer(24),
        ),
        Backbone(
            name="qwen25-500m",
            kind="hub",
            hub="Qwen/Qwen2.5-0.5B",
            reading=Reading(DECODER, "last"),
            shape=Shape(494_032_768, 357_898_112, layers=24, width=896),
            retrieval_layer=retrieval_layer(24),
        ),
        Backbone(
            name="qwen3-600m",
            kind="hub",
            hub="Qwen/Qwen3-0.6B-Base",
            reading=Reading(DECODER, "last"),
            shape=Shape(596_049_920, 440_467_456, layers=28, width=1024),
            retrieval_layer=retrieval_layer(28),
        ),
        Backbone(
            name="llama32-1b",
            kind="hub",
            hub="meta-llama/Llama-3.2-1B",
            reading=Reading(DECODER, "last"),
            shape=Shape(1_235_814_400, 973_146_112, layers=16, width=2048),
            retrieval_layer=retrieval_layer(16),
        ),
        Backbone(
            name="mini-decoder",
            kind="shipped",
            reading=Reading(DECODER, "last"),
            shape=Shape(1_355_392, 779_392, layers=4, width=128),
            retrieval_layer=3,
            freeze_embeddings=True,
        ),
        Backbone(
            name="mini-encdec",
            kind="shipped",
            reading=Reading(ENCODER_DECODER, "decoder"),
            shape=Shape(2_397_696, 779_520, layers=4, width=128),
            retrieval_layer=3,
            freeze_embeddings=True,
            pace=4.0,
        ),
    )
}


def materialise(entry: dict[str, Any], folder: Path) -> None:
    """Write the backbone of a `backbone` entry of `params.yaml` to `folder`.

    Kinds: `shipped` (copied from the package, digests checked), `hub` (downloaded at
    `revision`), `untrained` (random weights by `seed`, config and tokenizer of `like`: the
    name of a backbone or a folder), `world` and `text` (pretrained here, on the world's stories
    or on the prepared data in `needs`).

    Raises:
        UserError: the kind is unknown, or the files cannot be had or are not what they were.
    """
    kinds: dict[str, Callable[[dict[str, Any], Path], None]] = {
        "shipped": _copy_shipped,
        "hub": _download,
        "untrained": _untrained,
        "world": _pretrain_on_world,
        "text": _pretrain_on_text,
    }
    if entry["kind"] not in kinds:
        raise UserError(
            f"Backbone {entry['name']!r} has the unknown kind {entry['kind']!r}; "
            f"use one of {', '.join(kinds)}."
        )
    with replaced_folder(folder) as output:
        kinds[entry["kind"]](entry, output)


def write_manifest(folder: Path, facts: dict[str, Any]) -> None:
    """Write MANIFEST.json: `facts` (command, seed, ...) and the digest of every other file."""
    names = sorted(path.name for path in folder.iterdir() if path.name != MANIFEST)
    digests = {name: sha256(folder / name) for name in names}
    write_json(folder / MANIFEST, {**facts, "files": digests})


def verify_manifest(folder: Path) -> list[str]:
    """Names of the files in the manifest, after their digests were checked.

    Raises:
        UserError: the manifest or a file is missing, or a file is not what it was.
    """
    if not (folder / MANIFEST).is_file():
        raise UserError(f"{folder / MANIFEST} is missing; install xstilts again.")
    digests: dict[str, str] = read_json(folder / MANIFEST)["files"]
    raise_if_any(
        f"{folder / name} is missing or not the file that was published; install xstilts again."
        for name, digest in digests.items()
        if not (folder / name).is_file() or sha256(folder / name) != digest
    )
    return list(digests)


def _copy_shipped(entry: dict[str, Any], folder: Path) -> None:
    source = SHIPPED / entry["name"]
    for name in verify_manifest(source):
        shutil.copyfile(source / name, folder / name)


def _download(entry: dict[str, Any], folder: Path) -> None:
    from transformers import AutoConfig, AutoTokenizer

    from xstilts.models.body import auto_class, save_body, without_pooler

    hub, revision = entry["hub"], entry.get("revision")
    reading = Reading(**entry.get("reading", {}))
    try:
        config = AutoConfig.from_pretrained(hub, revision=revision)
        declare(config, reading)
        tokenizer = AutoTokenizer.from_pretrained(hub, revision=revision)
        body = auto_class(config).from_pretrained(
            hub, revision=revision, config=config, use_safetensors=True, **without_pooler(config)
        )
    except (OSError, ValueError, ImportError) as error:
        raise UserError(
            f"Backbone {entry['name']!r}: {hub} at revision {revision or 'main'} could not be "
            f"loaded from the Hugging Face hub ({str(error).strip().splitlines()[0]}); check the "
            "name, the revision and the network, or choose a shipped backbone."
        ) from error
    save_body(folder, body.config, body.state_dict(), tokenizer)


def _untrained(entry: dict[str, Any], folder: Path) -> None:
    import torch

    from xstilts.models.body import load_config, load_tokenizer, new_body, save_body

    source = _source_of(entry["like"])
    torch.manual_seed(entry["seed"])
    body = new_body(load_config(source))
    body.config.architectures = [type(body).__name__]
    save_body(folder, body.config, body.state_dict(), load_tokenizer(source))


def _source_of(like: str) -> Path:
    """The folder of a shipped backbone's name, or the folder itself."""
    known = BACKBONES.get(like)
    if known is not None and known.kind == "shipped":
        return SHIPPED / like
    return Path(like)


def _pretrain_on_world(entry: dict[str, Any], folder: Path) -> None:
    from xstilts.models.pretraining import pretrain_on_world

    pretrain_on_world(entry, folder)


def _pretrain_on_text(entry: dict[str, Any], folder: Path) -> None:
    from xstilts.models.pretraining import pretrain_on_text

    pretrain_on_text(entry, folder)
