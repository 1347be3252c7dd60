"""What makes heads and relations no dependency tree: (field, complaint, remedy) as in `checks`."""

from collections.abc import Iterator, Sequence
from typing import Any

from xstilts.tasks.trees import find_cycle

_ONE_TREE = "correct the row: a sentence is one tree"


def tree_problems(
    heads: Sequence[Any], relations: Sequence[Any], root: Any
) -> Iterator[tuple[str, str, str]]:
    """Everything wrong with `heads` (1 is the first word, 0 the root) of as many words.

    `root` is the relation that word has, and only that word, whose head is 0.
    """
    outside = [i for i, h in enumerate(heads) if type(h) is not int or not 0 <= h <= len(heads)]
    for index in outside:
        complaint = f"head {ascii(heads[index])[:60]} is none of 0..{len(heads)} (0: the root)"
        yield f"heads[{index}]", complaint, "count the words of the sentence from 1"
    if outside:
        return
    roots = [index + 1 for index, head in enumerate(heads) if head == 0]
    if len(roots) != 1:
        which = f" (words {', '.join(map(str, roots))})" if roots else ""
        yield "heads", f"the sentence has {len(roots)} roots{which}", _ONE_TREE
    cycle = find_cycle([0, *heads])
    if cycle:
        words = ", ".join(map(str, cycle))
        several = f"the heads of the words {words} form a cycle"
        yield "heads", several if len(cycle) > 1 else f"word {words} is its own head", _ONE_TREE
    for index, (head, relation) in enumerate(zip(heads, relations, strict=True)):
        if (head == 0) != (relation == root):
            complaint = f"the head is {head}, but the relation is {'not ' * (head == 0)}root"
            yield f"relations[{index}]", complaint, "give the root, and only it, that relation"
