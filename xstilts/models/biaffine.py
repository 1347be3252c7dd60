"""The parsing head (loads torch): whose head is whose, and by which relation."""

import torch
from torch import Tensor, nn

from xstilts.models.pooling import States

_ARC, _RELATION = 500, 100  # features, as in the paper
_IMPOSSIBLE = -1e9  # finite, so that nothing times zero is not a number


class BiaffineHead(nn.Module):
    """Dozat and Manning 2017 (https://arxiv.org/abs/1611.01734) over one sub-word per word.

    Sizes, activation and the two layers of features are theirs; dropout is the body's.
    """

    def __init__(self, width: int, relations: int, dropout: float) -> None:
        super().__init__()
        self.arc_dependent = _features(width, _ARC, dropout)
        self.arc_head = _features(width, _ARC, dropout)
        self.relation_dependent = _features(width, _RELATION, dropout)
        self.relation_head = _features(width, _RELATION, dropout)
        self.arc = nn.Linear(_ARC, _ARC)
        self.both = nn.Linear(_RELATION, relations * _RELATION, bias=False)
        self.of_dependent = nn.Linear(_RELATION, relations)
        self.of_head = nn.Linear(_RELATION, relations, bias=False)

    def forward(self, states: States, batch: dict[str, Tensor]) -> Tensor:
        """[inputs, length, width] -> [inputs, words, 1 + words + relations] with true heads.

        Scores of all heads (0: the root, which the whole input stands for), then of all
        relations to the true one. Without true heads [inputs, words, 2 * (1 + words)]: scores
        of all heads, then the number of the best relation to each, which is never 0, `root`.
        """
        words = states.words.gather(1, _wide(batch["starts"], states.words))
        nodes = torch.cat([states.whole[:, None], words], dim=1)
        arcs = self._arcs(words, nodes, batch["words"])
        dependent, head = self.relation_dependent(words), self.relation_head(nodes)
        if "heads" in batch:
            true = head.gather(1, _wide(batch["heads"].clamp(min=0), head))
            relations = self._relations(dependent, true[:, :, None])[:, :, 0]
            return torch.cat([arcs, relations.float()], dim=-1)
        best = [  # one input at a time: words x heads x relations take room
            self._relations(one, other[:, None])[..., 1:].argmax(dim=-1) + 1
            for one, other in zip(dependent.split(1), head.split(1), strict=True)
        ]
        return torch.cat([arcs, torch.cat(best).float()], dim=-1)

    def _arcs(self, words: Tensor, nodes: Tensor, counts: Tensor) -> Tensor:
        """[inputs, words, heads]; padding and the word itself can be nobody's head."""
        scores = self.arc(self.arc_dependent(words)) @ self.arc_head(nodes).transpose(1, 2)
        places = torch.arange(nodes.shape[1], device=nodes.device)
        padding = (places > counts[:, None])[:, None]
        itself = places[None] == places[1:, None]
        return scores.float().masked_fill(padding | itself, _IMPOSSIBLE)

    def _relations(self, dependent: Tensor, head: Tensor) -> Tensor:
        """[inputs, words, width], [inputs, words or 1, heads, width] -> [.., heads, relations]."""
        weights = self.both(dependent).unflatten(-1, (-1, _RELATION))
        products = (weights @ head.transpose(2, 3)).transpose(2, 3)
        return products + self.of_dependent(dependent)[:, :, None] + self.of_head(head)


def _features(width: int, size: int, dropout: float) -> nn.Module:
    return nn.Sequential(nn.Linear(width, size), nn.LeakyReLU(0.1), nn.Dropout(dropout))


def _wide(places: Tensor, values: Tensor) -> Tensor:
    """Indices for `gather` that take the same place in every unit of width."""
    return places[..., None].expand(-1, -1, values.shape[-1])
