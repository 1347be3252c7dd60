"""Extractive question answering: the answer is a span of the context.

A context that does not fit is seen through windows that overlap by `doc_stride` sub-words;
decoding takes the best span over all windows, with the n-best rule of Hugging Face's
`postprocess_qa_predictions`. A task whose questions may lack an answer (SQuAD 2.0) trains such
questions on the null span, which starts and ends at place 0 (the state of the whole input), and
compares its score with that of the best span.
"""

from typing import Any, NamedTuple

import numpy as np

from xstilts.tasks.encoding import Ids, Template, input_limit, pad, pieces
from xstilts.tasks.formats import Feature, Row
from xstilts.tasks.record import Task

HEAD = "span"
N_BEST = 20
NULL_THRESHOLD = 0.0  # of `decode`; the reference code's default


class Guess(NamedTuple):
    """The best span of a row, and by how much the null span beats it (logits)."""

    text: str
    null_excess: float


def outputs(_task: Task) -> int:
    """A start and an end logit."""
    return 2


def encode(rows: list[Row], tokenizer: Any, task: Task, *, train: bool) -> list[Feature]:
    """One feature per window of each row's context.

    `offsets` [sub-words, 2] are the character spans of the window's context, `begin` is the
    position of its first sub-word in the input. With `train`, `start` and `end` are the
    positions of the first answer, or 0 (see above) in a window without it.
    `truncated` marks a question cut to `max_query_length` sub-words; contexts never are.
    """
    template, limit = Template.of(tokenizer), input_limit(tokenizer, task)
    room = template.room(limit, pair=True)
    query_room = min(task.hparams.max_query_length, room // 2)
    questions = pieces(tokenizer, [row["question"] for row in rows])
    contexts = _contexts(tokenizer, [row["context"] for row in rows])
    features = []
    for index, (row, question) in enumerate(zip(rows, questions, strict=True)):
        ids, offsets = contexts[row["context"]]
        query = question[:query_room]
        for first, last in _windows(len(ids), room - len(query), task.hparams.doc_stride):
            feature = template.join(query, ids[first:last])
            begin = len(template.pair[0]) + len(query) + len(template.pair[1])
            feature.update(row=index, truncated=len(question) > query_room)
            feature.update(begin=begin, offsets=offsets[first:last])
            if train:
                feature.update(_targets(row["answers"], feature))
            features.append(feature)
    return features


def _contexts(tokenizer: Any, texts: list[str]) -> dict[str, tuple[Ids, np.ndarray]]:
    unique = list(dict.fromkeys(texts))
    if not unique:
        return {}
    encoded = tokenizer(
        unique,
        add_special_tokens=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        return_offsets_mapping=True,
        verbose=False,
    )
    offsets = (np.array(o, np.int32).reshape(-1, 2) for o in encoded["offset_mapping"])
    return dict(zip(unique, zip(encoded["input_ids"], offsets, strict=True), strict=True))


def _windows(length: int, room: int, overlap: int) -> list[tuple[int, int]]:
    """Ranges that cover `length` sub-words by at most `room` each.

    An overlap of more than half a window is reduced to half of it, so that short inputs
    do not multiply the windows.
    """
    step = room - min(overlap, room // 2)
    more = max(0, length - room)
    starts = range(0, more + step, step) if more else (0,)
    return [(start, min(start + room, length)) for start in starts]


def _targets(answers: list[dict[str, Any]], feature: Feature) -> dict[str, int]:
    nowhere = {"start": 0, "end": 0}
    if not answers:
        return nowhere
    first_char = answers[0]["start"]
    last_char = first_char + len(answers[0]["text"])
    offsets = feature["offsets"]
    if not len(offsets) or first_char < offsets[0, 0] or last_char > offsets[-1, 1]:
        return nowhere
    start = int(np.searchsorted(offsets[:, 1], first_char, side="right"))
    end = int(np.searchsorted(offsets[:, 0], last_char, side="left")) - 1
    if end < start:
        return nowhere
    return {"start": feature["begin"] + start, "end": feature["begin"] + end}


def collate(features: list[Feature], pad_id: int) -> dict[str, Any]:
    """`input_ids`, `attention_mask` [n, length]; `start`, `end` [n] when the features have them."""
    import torch

    batch = pad(features, pad_id)
    if "start" in features[0]:
        for name in ("start", "end"):
            batch[name] = torch.tensor([f[name] for f in features])
    return batch


def loss(logits: Any, batch: dict[str, Any]) -> Any:
    """Mean of the cross-entropies of start and end; logits [n, length, 2].

    Padding is excluded, so that a batch's loss does not depend on how it was padded.
    """
    from torch.nn.functional import cross_entropy

    padding = batch["attention_mask"] == 0
    scores = logits.float().masked_fill(padding[:, :, None], float("-inf"))
    start = cross_entropy(scores[:, :, 0], batch["start"])
    end = cross_entropy(scores[:, :, 1], batch["end"])
    return (start + end) / 2


def count(features: list[Feature]) -> int:
    """Every window is one prediction."""
    return len(features)


def decode(
    logits: list[np.ndarray], features: list[Feature], rows: list[Row], task: Task
) -> list[str]:
    """The best span of each row as it stands in the context, without outer white space.

    `logits` are [length, 2] per feature. A row whose windows hold no valid span gets "";
    where questions may lack an answer, so does one whose null span is better.
    """
    found = guesses(logits, features, rows, task)
    return answered(found, NULL_THRESHOLD) if task.may_lack_answers else [g.text for g in found]


def answered(found: list[Guess], threshold: float) -> list[str]:
    """The text of each guess, or "" where the null span is better by more than `threshold`."""
    return ["" if guess.null_excess > threshold else guess.text for guess in found]


def guesses(
    logits: list[np.ndarray], features: list[Feature], rows: list[Row], task: Task
) -> list[Guess]:
    """Per row the best span over its windows against its null span.

    The null span's score is the lowest over the windows, because a window that lacks the
    answer says rightly that it is not there; so does BERT's reference code.
    """
    best: list[tuple[float, str]] = [(-np.inf, "")] * len(rows)
    null = [np.inf] * len(rows)
    for scores, feature in zip(logits, features, strict=True):
        null[feature["row"]] = min(null[feature["row"]], float(scores[0].sum()))
        found = _best_span(scores, feature, task.hparams.max_answer_length)
        if found is not None and found[0] > best[feature["row"]][0]:
            score, first, last = found
            text = rows[feature["row"]]["context"][first:last].strip()
            best[feature["row"]] = (score, text)
    return [
        Guess(text, none - score if score > -np.inf else np.inf)
        for (score, text), none in zip(best, null, strict=True)
    ]


def _best_span(scores: np.ndarray, feature: Feature, longest: int) -> tuple[float, int, int] | None:
    offsets = feature["offsets"]
    window = scores[feature["begin"] : feature["begin"] + len(offsets)]
    if not len(window):
        return None
    starts = np.argsort(-window[:, 0], kind="stable")[:N_BEST]
    ends = np.argsort(-window[:, 1], kind="stable")[:N_BEST]
    sizes = ends[None, :] - starts[:, None] + 1
    sums = window[starts, 0][:, None] + window[ends, 1][None, :]
    sums = np.where((sizes >= 1) & (sizes <= longest), sums, -np.inf)
    row, column = np.unravel_index(np.argmax(sums), sums.shape)
    if sums[row, column] == -np.inf:
        return None
    return float(sums[row, column]), int(offsets[starts[row], 0]), int(offsets[ends[column], 1])
