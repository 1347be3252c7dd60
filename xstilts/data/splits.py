"""Split expressions of the hub (`train[:90%]`, `train_r1+train_r2`), applied to rows we hold."""

import re
from collections.abc import Mapping

from xstilts.errors import UserError


def base_splits(expression: str) -> list[str]:
    """Names of the source's splits in an expression, in order: `train[:90%]` -> [`train`]."""
    return [re.sub(r"\[.*", "", part).strip() for part in expression.split("+")]


def slices(expression: str, counts: Mapping[str, int]) -> list[tuple[str, range]]:
    """(split, its rows) for each part of `expression`, as `datasets` itself reads it.

    `counts` holds the number of rows of every split that the expression names. Raises
    `UserError` for a slice that cannot be read or reaches beyond the split.
    """
    from datasets import ReadInstruction

    try:
        parts = ReadInstruction.from_spec(expression).to_absolute(dict(counts))
    except (ValueError, AssertionError) as error:
        sizes = ", ".join(f"{name} {count} rows" for name, count in counts.items())
        raise UserError(
            f"split expression {expression!r} cannot be applied to {sizes}: {error}; "
            "write name, name[:N], name[N:] or the same with per cent."
        ) from error
    return [
        (
            part.splitname,
            range(part.from_ or 0, counts[part.splitname] if part.to is None else part.to),
        )
        for part in parts
    ]
