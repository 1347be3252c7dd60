"""All files of a published study but its scores, its page and the examples on it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.files import write_text
from xstilts.publish.board.evaluations import Cell
from xstilts.publish.files.card import model_card
from xstilts.publish.files.markdown import scores_markdown
from xstilts.publish.files.numbers import write_numbers
from xstilts.publish.files.submission import write_predictions, write_submission
from xstilts.publish.files.table_files import scores_csv, summary_csv


def write_files(board: Mapping[str, Any], cells: Sequence[Cell], folder: Path) -> None:
    """Write the tables, the model card, metrics and plots, predictions and submission.

    `board` is the content of `scores.json`, `cells` are those that it was made of. Raises
    `UserError` with every deviation of the predictions from the official layout.
    """
    write_predictions(cells, folder / "predictions")
    write_submission(cells, board["best"], board["benchmark"], folder)
    write_text(folder / "scores.csv", scores_csv(board))
    write_text(folder / "summary.csv", summary_csv(board))
    write_text(folder / "scores.md", scores_markdown(board))
    write_text(folder / "README.md", model_card(board))
    write_numbers(board, folder)
