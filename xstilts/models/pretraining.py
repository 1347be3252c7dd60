"""A small model trained from nothing on a corpus: tokenizer, static vectors, objective.

The recipe is for miniatures of a few million tokens and minutes on one core; a real
backbone comes from the hub. Its order matters more than its size:

1. a vocabulary large enough to keep words whole (byte-pair merges over words; white space
   is a separator and not a piece, so that languages without spaces share their pieces
   with pre-split words);
2. word vectors from co-occurrence (PPMI, truncated SVD: Levy & Goldberg 2014) to start
   the embedding matrix from, without which the model stays on the unigram plateau;
3. masked words (BERT's 80/10/10) over packed rows for an encoder, a small XLM-R; see
   `generative` for the other architectures.

Imported lazily: it needs torch and scipy.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from xstilts.files import write_json
from xstilts.models import generative
from xstilts.models.architecture import DECODER, ENCODER, Reading, declare
from xstilts.models.body import save_body
from xstilts.models.vocabulary import (
    BOS,
    EOS,
    MASK,
    PAD,
    SENTINELS,
    packed_rows,
    static_vectors,
    train_tokenizer,
)

Loss = Callable[[Any, Tensor], Tensor]  # of a model on rows [n, length]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to pretrain; lengths in pieces, `batch` in rows.

    `stories` is the number of texts per language that the world tells, and of code-switched
    ones as many as of all languages together.
    """

    vocabulary: int = 4500
    width: int = 128
    layers: int = 4
    heads: int = 4
    positions: int = 256
    length: int = 96
    batch: int = 22
    steps: int = 18000
    learning_rate: float = 1e-3
    masked: float = 0.2
    window: int = 4
    stories: int = 30000
    seed: int = 0


def new_model(recipe: Recipe, vocabulary: int, vectors: np.ndarray) -> XLMRobertaForMaskedLM:
    """The untrained model: embeddings from `vectors`, positions from sinusoids."""
    torch.manual_seed(recipe.seed)
    model = XLMRobertaForMaskedLM(
        XLMRobertaConfig(
            vocab_size=vocabulary,
            hidden_size=recipe.width,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            intermediate_size=4 * recipe.width,
            max_position_embeddings=recipe.positions + 2,
            type_vocab_size=1,
            pad_token_id=PAD,
            bos_token_id=BOS,
            eos_token_id=EOS,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            initializer_range=0.05,
        )
    )
    model.set_attn_implementation("eager")  # twice as fast as the fused kernel on a CPU
    embeddings = model.roberta.embeddings
    with torch.no_grad():
        known = torch.from_numpy(np.abs(vectors).sum(1) > 0)
        start = torch.from_numpy(vectors * (0.05 / vectors.std())).float()
        embeddings.word_embeddings.weight[known] = start[known]
        embeddings.position_embeddings.weight.copy_(_sinusoids(recipe) * 0.07)
    return model


def _sinusoids(recipe: Recipe) -> Tensor:
    """Vaswani et al. 2017, with a period that suits short inputs."""
    half = recipe.width // 2
    frequency = torch.exp(-np.log(200.0) * torch.arange(half) / half)
    angle = torch.arange(recipe.positions + 2)[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def mask_rows(rows: Tensor, share: float, vocabulary: int) -> tuple[Tensor, Tensor]:
    """BERT's corruption: of the chosen pieces 80 % masked, 10 % random, 10 % kept.

    Returns the corrupted rows and the boolean places to predict, both shaped as `rows`.
    """
    chosen = (torch.rand(rows.shape) < share) & (rows > MASK)
    action = torch.rand(rows.shape)
    corrupted = rows.clone()
    corrupted[chosen & (action < 0.8)] = MASK
    random = chosen & (action >= 0.9)
    corrupted[random] = torch.randint(MASK + 1, vocabulary, (int(random.sum()),))
    return corrupted, chosen


def _batches(rows: np.ndarray, recipe: Recipe) -> Iterator[Tensor]:
    order, generator = np.empty(0, dtype=np.int64), np.random.default_rng(recipe.seed)
    for _ in range(recipe.steps):
        if len(order) < recipe.batch:
            order = np.concatenate([order, generator.permutation(len(rows))])
        yield torch.from_numpy(rows[order[: recipe.batch]]).long()
        order = order[recipe.batch :]


def _learning_rate(step: int, recipe: Recipe) -> float:
    """Linear warm-up over 100 steps, then linear decay to nothing."""
    return recipe.learning_rate * min((step + 1) / 100, 1 - step / recipe.steps)


def train_on_rows(
    model: Any, rows: np.ndarray, recipe: Recipe, loss: Loss
) -> list[dict[str, float]]:
    """Train in place on `loss`; returns one record (step, loss, seconds) per 100 steps."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}],
        lr=recipe.learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )
    started, log, losses = time.monotonic(), [], []
    model.train()
    for step, batch in enumerate(_batches(rows, recipe)):
        for group in optimizer.param_groups:
            group["lr"] = _learning_rate(step, recipe)
        losses.append(_step(model, optimizer, batch, loss))
        if (step + 1) % 100 == 0 or step + 1 == recipe.steps:
            seconds = round(time.monotonic() - started, 1)
            log.append(
                {"step": step + 1, "loss": round(float(np.mean(losses)), 4), "seconds": seconds}
            )
            print(
                f"step {step + 1}/{recipe.steps} loss {log[-1]['loss']:.3f} {seconds:.0f} s",
                flush=True,
            )
            losses = []
    model.eval()
    return log


def _step(model: Any, optimizer: torch.optim.Optimizer, batch: Tensor, loss: Loss) -> float:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss(model, batch)
    found.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return found.item()


def _masked_word_loss(model: Any, rows: Tensor, share: float) -> Tensor:
    corrupted, chosen = mask_rows(rows, share, model.config.vocab_size)
    hidden = model.roberta(input_ids=corrupted).last_hidden_state[chosen]
    logits = model.lm_head(hidden)  # only where something is to be predicted
    return nn.functional.cross_entropy(logits.float(), rows[chosen])


def untrained(
    architecture: str, recipe: Recipe, tokenizer: Any, vectors: np.ndarray
) -> tuple[Any, Loss]:
    """The model that `recipe` begins with, and the loss that it is pretrained on."""
    if architecture == ENCODER:
        masked = new_model(recipe, len(tokenizer), vectors)
        return masked, partial(_masked_word_loss, share=recipe.masked)
    torch.manual_seed(recipe.seed)
    sizes, ends = (len(tokenizer), recipe.width, recipe.layers, recipe.heads), (BOS, EOS, PAD)
    model: Any
    if architecture == DECODER:
        model = generative.new_decoder(*sizes, recipe.positions, ends)
        loss: Loss = generative.next_piece_loss
    else:
        model = generative.new_encoder_decoder(*sizes, ends)
        sentinels = torch.tensor(tokenizer.convert_tokens_to_ids(list(SENTINELS)))
        generator = np.random.default_rng((recipe.seed, 1))
        loss = partial(generative.span_loss, sentinels=sentinels, generator=generator)
    generative.start_embeddings(model, vectors)
    return model, loss


def pretrain_on_world(entry: dict[str, Any], folder: Path) -> None:
    """Write a backbone pretrained on stories of the embedded world to `folder`."""
    from xstilts.world.corpus import MIXED, corpus
    from xstilts.world.grammar import LANGUAGES

    recipe = Recipe(**entry["pretraining"])
    rows = dict.fromkeys(LANGUAGES, recipe.stories)
    rows[MIXED] = recipe.stories * len(LANGUAGES)
    texts = {language: corpus(language, count, recipe.seed) for language, count in rows.items()}
    told = [text for stories in texts.values() for text in stories]
    pretrain(told, recipe, folder, Reading(**entry.get("reading", {})), texts[MIXED])


def pretrain_on_text(entry: dict[str, Any], folder: Path) -> None:
    """Write a backbone pretrained on all texts of the prepared data in `entry["needs"]`."""
    from xstilts.data.texts import texts

    reading = Reading(**entry.get("reading", {}))
    pretrain(texts(Path(entry["needs"])), Recipe(**entry["pretraining"]), folder, reading)


def pretrain(
    texts: list[str],
    recipe: Recipe,
    folder: Path,
    reading: Reading,
    bridge: list[str] | None = None,
) -> None:
    """Train tokenizer and model on `texts` and save both to `folder` in the hub's layout.

    The model has the architecture of `reading`. Where there are code-switched texts
    (`bridge`), the word vectors come from them alone: there a word and its translations keep
    the same company. `training.json` in `folder` holds recipe and loss.
    """
    architecture = reading.architecture
    tokenizer = train_tokenizer(texts, recipe.vocabulary, recipe.positions, architecture)
    vectors = static_vectors(
        packed_rows(tokenizer, bridge or texts, recipe.length),
        len(tokenizer),
        recipe.width,
        recipe.window,
    )
    model, loss = untrained(architecture, recipe, tokenizer, vectors)
    body = model.base_model  # of T5 the whole, whose words are its embedding
    declare(body.config, reading)
    rows = packed_rows(tokenizer, texts, recipe.length)
    log = train_on_rows(model, rows, recipe, loss)
    body.config.architectures = [type(body).__name__]
    save_body(folder, body.config, body.state_dict(), tokenizer)
    write_json(folder / "training.json", {"recipe": asdict(recipe), "rows": len(rows), "log": log})
