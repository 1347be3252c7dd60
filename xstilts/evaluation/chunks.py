"""Chunks of a tag sequence, as seqeval 0.0.12 sees them (the leaderboard's version).

The first character of a tag says how it joins its neighbours (`B`, `I`, `E`, `S`, `O`),
the part after the last hyphen is its type. UPOS tags have no prefix: a run of one tag is
one chunk, and tags that start with S (SCONJ, SYM) are chunks of one token. seqeval 1.x
reads bare tags otherwise, so it cannot stand in for these functions.
"""

from collections.abc import Sequence

Chunk = tuple[str, int, int]


def chunks(tags: Sequence[str]) -> list[Chunk]:
    """The chunks of one sentence as (type, first token, last token), in order.

    Lenient as seqeval's default mode: an `I-` tag after `O` or after another type opens
    a chunk.
    """
    found: list[Chunk] = []
    previous_prefix, previous_type = "O", "O"
    for position, tag in enumerate(tags):
        prefix, kind = tag[0], tag.rsplit("-", 1)[-1]
        continues = kind == previous_type and previous_prefix not in "OES" and prefix not in "OBS"
        if continues:
            found[-1] = (kind, found[-1][1], position)
        elif prefix != "O":
            found.append((kind, position, position))
        previous_prefix, previous_type = prefix, kind
    return found


def chunk_counts(predicted: Sequence[str], gold: Sequence[str]) -> tuple[int, int, int]:
    """(correct, predicted, gold) numbers of chunks of one sentence.

    A chunk is correct when its type and both ends are. Raises `ValueError` when the two
    sequences differ in length: seqeval 0.0.12 would score them shifted.
    """
    if len(predicted) != len(gold):
        raise ValueError(f"{len(predicted)} predicted tags for a sentence of {len(gold)} tokens")
    ours, theirs = set(chunks(predicted)), set(chunks(gold))
    return len(ours & theirs), len(ours), len(theirs)
