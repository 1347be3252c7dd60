"""Task heads on a transformer body (loads torch: import it only where a model is needed)."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.errors import UserError
from xstilts.models.biaffine import BiaffineHead
from xstilts.tasks.formats import format_of
from xstilts.tasks.record import Task

Batch = dict[str, Tensor]
VECTOR_SCALE = 100.0  # of XTREME-R's softmax, before training


class SequenceHead(nn.Module):
    """XLM-R's classification head over the first sub-word: dropout, dense, tanh, dropout, out."""

    def __init__(self, width: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, outputs)

    def forward(self, hidden: Tensor, batch: Batch) -> Tensor:
        """[inputs, length, width] -> [inputs, outputs], or [rows, choices] for one output."""
        first = torch.tanh(self.dense(self.dropout(hidden[:, 0])))
        scores = self.out(self.dropout(first))
        is_choice = batch["input_ids"].dim() == 3
        return scores.view(batch["input_ids"].shape[:2]) if is_choice else scores


class TokenHead(nn.Module):
    """A linear layer on every sub-word: tags, or the start and end of a span."""

    def __init__(self, width: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, outputs)

    def forward(self, hidden: Tensor, _batch: Batch) -> Tensor:
        """[inputs, length, width] -> [inputs, length, outputs]."""
        return self.out(self.dropout(hidden))


class VectorHead(nn.Module):
    """A vector of unit length from the first sub-word, as XTREME-R's dual encoder has it.

    Dense and tanh, then the norm. Products of two vectors are scaled by a learned factor,
    of which each side carries the root.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.scale = nn.Parameter(torch.tensor([VECTOR_SCALE]))

    def forward(self, hidden: Tensor, _batch: Batch) -> Tensor:
        """[inputs, length, width] -> [inputs, width]."""
        pooled = torch.tanh(self.dense(hidden[:, 0]))
        unit = nn.functional.normalize(pooled.float(), dim=-1)
        return unit * self.scale.float().clamp(min=1.0).sqrt()


class VocabularyHead(nn.Module):
    """XLM-R's masked-language head at the masked sub-words, tied to the embedding matrix."""

    def __init__(self, width: int, vocabulary: int, epsilon: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=epsilon)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, hidden: Tensor, batch: Batch, embedding: Tensor) -> Tensor:
        """[inputs, length, width] -> [masked sub-words, vocabulary]."""
        masked = hidden.flatten(0, 1)[batch["masked"]]
        return self.norm(nn.functional.gelu(self.dense(masked))) @ embedding.T + self.bias


class TaskModel(nn.Module):
    """A body with one head per task, chosen by the task's name at every call."""

    def __init__(self, body: PreTrainedModel, tasks: list[Task], seed: int) -> None:
        """Heads are new and depend only on `seed` and the task's place in `tasks`."""
        super().__init__()
        self.body = body
        self.heads = nn.ModuleDict({task.name: _head(task, body.config) for task in tasks})
        self._reset(seed)

    def _reset(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        deviation = self.body.config.initializer_range
        for module in self.heads.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=deviation, generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, batch: Batch, task_name: str) -> Tensor:
        """Logits of the task's head for one batch of its format's `collate`."""
        inputs = {
            name: batch[name].flatten(0, -2)
            for name in ("input_ids", "attention_mask", "token_type_ids")
            if name in batch
        }
        hidden = self.body(**inputs).last_hidden_state
        logits = self._logits(self.heads[task_name], hidden, batch)
        if self.training and len(self.heads) > 1:
            logits = logits + 0.0 * sum(self._idle(task_name, hidden))
        return logits

    def _logits(self, head: nn.Module, hidden: Tensor, batch: Batch) -> Tensor:
        if isinstance(head, VocabularyHead):
            return head(hidden, batch, self.body.get_input_embeddings().weight)
        return head(hidden, batch)

    def _idle(self, task_name: str, hidden: Tensor) -> Iterator[Tensor]:
        """The other heads on one sub-word.

        Every parameter must get a gradient, if only zero, at every step: ZeRO would give
        the idle heads one and plain data parallelism would not, and Adam tells the two apart.
        """
        probe = hidden[:1, :1].detach()
        batch = {
            "input_ids": torch.zeros(1, 1),
            "masked": torch.zeros(1, dtype=torch.long, device=hidden.device),
            "words": torch.ones(1, dtype=torch.long, device=hidden.device),
        }
        for name in ("starts", "heads"):
            batch[name] = torch.zeros(1, 1, dtype=torch.long, device=hidden.device)
        for name, head in self.heads.items():
            if name != task_name:
                yield self._logits(head, probe, batch).sum()


def _head(task: Task, config: Any) -> nn.Module:
    task_format = format_of(task)
    kind = task_format.HEAD
    if kind is None:
        raise UserError(
            f"Task {task.name!r} of format {task.format!r} has no head to train; "
            "take it out of the trained tasks."
        )
    outputs, width = task_format.outputs(task), config.hidden_size
    dropout = getattr(config, "classifier_dropout", None)
    dropout = config.hidden_dropout_prob if dropout is None else dropout
    if kind in ("sequence", "choice"):
        return SequenceHead(width, outputs, dropout)
    if kind in ("token", "span"):
        return TokenHead(width, outputs, dropout)
    if kind == "biaffine":
        return BiaffineHead(width, outputs, dropout)
    if kind == "vector":
        return VectorHead(width)
    return VocabularyHead(width, config.vocab_size, config.layer_norm_eps)
