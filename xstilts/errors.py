"""Errors that are the user's to mend, and the exit code that says so."""

import sys
from collections.abc import Iterable

USER_ERROR_EXIT_CODE = 2


class UserError(Exception):
    """One or more problems with what the user gave us, each a complete sentence.

    A problem says what is wrong, which value, where (file, row, field) and what to
    change. Entry points print every problem on a line of its own, without a traceback,
    and exit with `USER_ERROR_EXIT_CODE`.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


def raise_if_any(problems: Iterable[str]) -> None:
    """Raise one `UserError` that holds all `problems`; do nothing when there are none."""
    found = list(problems)
    if found:
        raise UserError(found)


def complain(error: UserError) -> int:
    """Print every problem on a line of its own; returns the exit code."""
    for problem in error.problems:
        print(f"error: {problem}", file=sys.stderr)
    return USER_ERROR_EXIT_CODE
