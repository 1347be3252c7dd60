"""Sub-words, special tokens and padding: what all formats share.

Texts are turned into sub-words in one call of the tokenizer, without special tokens; those
are then set around one text or two exactly as the tokenizer's own template does.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from xstilts.tasks.formats import Feature
from xstilts.tasks.record import Task

Ids = list[int]


@dataclass(frozen=True)
class Template:
    """The special tokens of a tokenizer: before, between and after one text or two."""

    single: tuple[Ids, Ids]
    pair: tuple[Ids, Ids, Ids]
    segments: bool  # whether the model wants token_type_ids
    causal: bool = False  # whether a state sees nothing of what follows it

    @classmethod
    def of(cls, tokenizer: Any) -> "Template":
        """Read the template off the tokenizer's encoding of a probe.

        Decoders need a token before, between and after the texts (Radford et al. 2018, GPT:
        start, delimiter and extract tokens). Where their tokenizer sets none, its end token
        stands there, as it does between the documents that they were pretrained on.
        """
        architecture = architecture_of(tokenizer)
        single, pair = _special_runs(tokenizer, "a"), _special_runs(tokenizer, "a", "a")
        if architecture == "decoder":
            end = [tokenizer.eos_token_id]
            single, pair = [run or end for run in single], [run or end for run in pair]
        return cls(
            single=(single[0], single[1]),
            pair=(pair[0], pair[1], pair[2]),
            segments=architecture == "encoder" and "token_type_ids" in tokenizer.model_input_names,
            causal=architecture == "decoder",
        )

    def room(self, limit: int, *, pair: bool) -> int:
        """Sub-words of text that fit into an input of `limit` sub-words."""
        return limit - sum(map(len, self.pair if pair else self.single))

    def join(self, first: Ids, second: Ids | None = None) -> Feature:
        """The model input for one text, or for two: `input_ids`, `length` and segments."""
        if second is None:
            before, after = self.single
            ids, tail = [*before, *first, *after], 0
        else:
            before, middle, after = self.pair
            ids, tail = [*before, *first, *middle, *second, *after], len(second) + len(after)
        feature: Feature = {"input_ids": ids, "length": len(ids)}
        if self.segments:
            feature["token_type_ids"] = [0] * (len(ids) - tail) + [1] * tail
        return feature


def architecture_of(tokenizer: Any) -> str:
    """What the tokenizer writes inputs for, as `load_tokenizer` found it; else an encoder."""
    return getattr(tokenizer, "architecture", "encoder")


def interface_of(tokenizer: Any) -> str:
    """Whether the tokenizer's model answers through heads or in texts, found there, too."""
    return getattr(tokenizer, "interface", "heads")


def _special_runs(tokenizer: Any, *texts: str) -> list[Ids]:
    """The special tokens before, between and after the texts; a run may be empty."""
    encoded = tokenizer(*texts)
    runs: list[Ids] = [[] for _ in range(len(texts) + 1)]
    seen = 0
    for token, owner in zip(encoded["input_ids"], encoded.sequence_ids(), strict=True):
        if owner is None:
            runs[seen].append(token)
        else:
            seen = owner + 1
    return runs


def unknown_token(tokenizer: Any) -> int:
    """What stands for a word that the tokenizer cannot write.

    Tokenizers over bytes know no unknown word, but a word without any letter they may meet.
    """
    found = tokenizer.unk_token_id
    return int(tokenizer.eos_token_id if found is None else found)


def input_limit(tokenizer: Any, task: Task) -> int:
    """Longest input in sub-words: the task's `max_length`, or less if the model takes less."""
    return min(task.hparams.max_length, tokenizer.model_max_length)


def pieces(tokenizer: Any, texts: list[str]) -> list[Ids]:
    """Sub-word ids of each text without special tokens; equal texts share one list."""
    unique = list(dict.fromkeys(texts))
    if not unique:
        return []
    encoded = tokenizer(
        unique,
        add_special_tokens=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    )
    ids = dict(zip(unique, encoded["input_ids"], strict=True))
    return [ids[text] for text in texts]


def word_pieces(tokenizer: Any, words: list[str]) -> list[Ids]:
    """Sub-word ids of each word as it is written within a text.

    Most tokenizers write a word alone as they do in a text; those over bytes want the space.
    """
    first, alone, spaced, running = pieces(tokenizer, ["a", "b", " b", "a b"])
    within = running[len(first) :]
    wants_space = within not in (alone, []) and within == spaced
    return pieces(tokenizer, [f" {word}" if wants_space and word else word for word in words])


def fit_longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """Lengths of two texts cut to `room` sub-words, always taking from the longer one.

    The same rule as `longest_first` of the tokenizers library.
    """
    if first + second <= room:
        return first, second
    short = min(first, second)
    long = max(short, room - short)
    if short + long > room:
        short, long = room // 2, room - room // 2
    return (short, long) if first <= second else (long, short)


def encode_single(texts: list[str], tokenizer: Any, limit: int) -> list[Feature]:
    """One input per text, cut at the end to `limit` sub-words."""
    template = Template.of(tokenizer)
    room = template.room(limit, pair=False)
    features = []
    for row, ids in enumerate(pieces(tokenizer, texts)):
        feature = template.join(ids[:room])
        feature.update(row=row, truncated=len(ids) > room)
        features.append(feature)
    return features


def pad(features: list[Feature], pad_id: int) -> dict[str, Any]:
    """Right-padded `input_ids` and `attention_mask` (and segments): int64 [inputs, length]."""
    import torch

    lengths = np.fromiter((len(f["input_ids"]) for f in features), np.int64, len(features))
    columns = np.arange(lengths.max())
    batch = {
        "input_ids": _padded([f["input_ids"] for f in features], lengths, pad_id),
        "attention_mask": (columns[None, :] < lengths[:, None]).astype(np.int64),
    }
    if "token_type_ids" in features[0]:
        batch["token_type_ids"] = _padded([f["token_type_ids"] for f in features], lengths, 0)
    return {name: torch.from_numpy(values) for name, values in batch.items()}


def _padded(sequences: list[Ids], lengths: np.ndarray, value: int) -> np.ndarray:
    table = np.full((len(sequences), lengths.max()), value, dtype=np.int64)
    for line, sequence in zip(table, sequences, strict=True):
        line[: len(sequence)] = sequence
    return table
