"""Task heads on a transformer body (loads torch: import it only where a model is needed)."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.errors import UserError
from xstilts.models.architecture import ENCODER, ENCODER_DECODER, Reading, reading_of
from xstilts.models.biaffine import BiaffineHead
from xstilts.models.pooling import States, encoder, states
from xstilts.models.writing import write
from xstilts.tasks.formats import format_of
from xstilts.tasks.record import Task
from xstilts.tasks.text_forms import written

Batch = dict[str, Tensor]
VECTOR_SCALE = 100.0  # of XTREME-R's softmax, before training


class SequenceHead(nn.Module):
    """XLM-R's classification head over the whole input: dropout, dense, tanh, dropout, out."""

    def __init__(self, width: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, outputs)

    def forward(self, states: States, batch: Batch) -> Tensor:
        """[inputs, width] of whole inputs -> [inputs, outputs], or [rows, choices] of choices."""
        whole = torch.tanh(self.dense(self.dropout(states.whole)))
        scores = self.out(self.dropout(whole))
        is_choice = batch["input_ids"].dim() == 3
        return scores.view(batch["input_ids"].shape[:2]) if is_choice else scores


class TokenHead(nn.Module):
    """A linear layer on every sub-word: tags, or the start and end of a span.

    With `whole_first` the whole input stands in the place of the first sub-word: where a span
    that is not there starts and ends. It is never a part of the context.
    """

    def __init__(self, width: int, outputs: int, dropout: float, *, whole_first: bool) -> None:
        super().__init__()
        self.whole_first = whole_first
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, outputs)

    def forward(self, states: States, _batch: Batch) -> Tensor:
        """[inputs, length, width] -> [inputs, length, outputs]."""
        words = states.words
        if self.whole_first:
            words = torch.cat([states.whole[:, None], words[:, 1:]], dim=1)
        return self.out(self.dropout(words))


class VectorHead(nn.Module):
    """A vector of unit length from the whole input, as XTREME-R's dual encoder has it.

    Dense and tanh, then the norm. Products of two vectors are scaled by a learned factor,
    of which each side carries the root.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.scale = nn.Parameter(torch.tensor([VECTOR_SCALE]))

    def forward(self, states: States, _batch: Batch) -> Tensor:
        """[inputs, width] of whole inputs -> [inputs, width]."""
        pooled = torch.tanh(self.dense(states.whole))
        unit = nn.functional.normalize(pooled.float(), dim=-1)
        return unit * self.scale.float().clamp(min=1.0).sqrt()


class VocabularyHead(nn.Module):
    """XLM-R's masked-language head at the masked sub-words, tied to the embedding matrix."""

    def __init__(self, width: int, vocabulary: int, epsilon: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=epsilon)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, states: States, batch: Batch, embedding: Tensor) -> Tensor:
        """[inputs, length, width] -> [masked sub-words, vocabulary]."""
        masked = states.words.flatten(0, 1)[batch["masked"]]
        return self.norm(nn.functional.gelu(self.dense(masked))) @ embedding.T + self.bias


class TaskModel(nn.Module):
    """A body with one head per task, chosen by the task's name at every call."""

    def __init__(self, body: PreTrainedModel, tasks: list[Task], seed: int) -> None:
        """Heads are new and depend only on `seed` and the task's place in `tasks`."""
        super().__init__()
        self.body = body
        self.reading = reading_of(body.config)
        if self.reading == Reading(ENCODER_DECODER, "mean", "heads"):
            _freeze_decoder(body)
        self.heads = nn.ModuleDict({task.name: _head(task, body.config) for task in tasks})
        self._reset(seed)

    def _reset(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        deviation = _deviation(self.body.config)
        for module in self.heads.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=deviation, generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, batch: Batch, task_name: str) -> Tensor:
        """Logits of the task's head for one batch of its format's `collate`."""
        inputs: Batch = {
            name: batch[name].flatten(0, -2)
            for name in ("input_ids", "attention_mask", "token_type_ids")
            if name in batch
        }
        if self.reading.interface == "text":
            return write(self.body, inputs, batch)
        found = states(self.body, inputs)
        logits = self._logits(self.heads[task_name], found, batch)
        idle = list(self._idle(task_name, found)) if self.training else []
        return logits + 0.0 * sum(idle) if idle else logits

    def _logits(self, head: nn.Module, found: States, batch: Batch) -> Tensor:
        if isinstance(head, VocabularyHead):
            return head(found, batch, self.body.get_input_embeddings().weight)
        return head(found, batch)

    def _idle(self, task_name: str, found: States) -> Iterator[Tensor]:
        """The other heads on one sub-word, and a decoder's state that this head may not read.

        Every parameter must get a gradient, if only zero, at every step: ZeRO would give
        the idle heads one and plain data parallelism would not, and Adam tells the two apart.
        """
        if self.reading.pooling == "decoder":
            yield found.whole.sum()
        probe = States(found.words[:1, :1].detach(), found.whole[:1].detach())
        where = found.words.device
        batch = {
            "input_ids": torch.zeros(1, 1),
            "masked": torch.zeros(1, dtype=torch.long, device=where),
            "words": torch.ones(1, dtype=torch.long, device=where),
        }
        for name in ("starts", "heads"):
            batch[name] = torch.zeros(1, 1, dtype=torch.long, device=where)
        for name, head in self.heads.items():
            if name != task_name:
                yield self._logits(head, probe, batch).sum()


def _freeze_decoder(body: PreTrainedModel) -> None:
    """Without a gradient, weight decay must not wear down what nothing reads."""
    read = set(encoder(body).parameters())
    for parameter in body.parameters():
        parameter.requires_grad_(parameter in read)


def _head(task: Task, config: Any) -> nn.Module:
    reading = reading_of(config)
    if reading.interface == "text" and not written(task):
        raise UserError(
            f"Task {task.name!r} of format {task.format!r} cannot be put into texts; take it out "
            "of the trained tasks, or use a model with heads."
        )
    task_format = format_of(task, reading.interface)
    kind = task_format.HEAD
    if kind is None:
        raise UserError(
            f"Task {task.name!r} of format {task.format!r} has no head to train; "
            "take it out of the trained tasks."
        )
    outputs, width = task_format.outputs(task), config.hidden_size
    dropout = _dropout(config)
    if kind == "text":
        return nn.Identity()  # the body has all that it needs
    if kind in ("sequence", "choice"):
        return SequenceHead(width, outputs, dropout)
    if kind in ("token", "span"):
        whole_first = kind == "span" and reading.pooling != "first"
        return TokenHead(width, outputs, dropout, whole_first=whole_first)
    if kind == "biaffine":
        return BiaffineHead(width, outputs, dropout)
    if kind == "vector":
        return VectorHead(width)
    if reading.architecture != ENCODER:
        raise UserError(
            f"Task {task.name!r} of format {task.format!r} masks words, which only an encoder "
            f"learns to guess; the model's architecture is {reading.architecture!r}: take the "
            "task out of the recipe, or use an encoder."
        )
    return VocabularyHead(width, config.vocab_size, config.layer_norm_eps)


def _dropout(config: Any) -> float:
    """The head's dropout, by the name it has in the config; Llama and its kin have none."""
    names = ("classifier_dropout", "hidden_dropout_prob", "dropout_rate", "dropout")
    found = (getattr(config, name, None) for name in names)
    return next((float(value) for value in found if value is not None), 0.0)


def _deviation(config: Any) -> float:
    """Standard deviation of new weights: the body's own; T5's depends on its width."""
    for name in ("initializer_range", "init_std"):
        if (value := getattr(config, name, None)) is not None:
            return float(value)
    return float(config.initializer_factor * config.hidden_size**-0.5)
