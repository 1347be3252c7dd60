"""The publish phase: from evaluations to `results/<study>/`."""

from pathlib import Path

from xstilts.files import replaced_folder, write_json, write_text
from xstilts.publish.card import model_card
from xstilts.publish.evaluations import Params, read_cells
from xstilts.publish.report import render
from xstilts.publish.scoreboard import scoreboard
from xstilts.publish.submission import write_predictions, write_submission
from xstilts.tasks.table import members


def publish(params: Params, evaluations: Path, folder: Path, root: Path = Path()) -> None:
    """Write `scores.json`, `index.html`, `README.md`, `predictions/`, `submission/`.

    `params` is the resolved study (params.yaml), `evaluations` its folder of evaluated cells,
    `root` the checkout, asked for its commit. `folder` changes all at once or not
    at all. Raises `UserError` when a stage has not run or predictions are malformed.
    """
    cells = read_cells(params, evaluations)
    board = scoreboard(params, cells, evaluations, root)
    with replaced_folder(folder) as temporary:
        write_predictions(cells, temporary / "predictions")
        best = write_submission(
            cells,
            board["summary"],
            members(params["study"]["benchmark"]),
            temporary / "predictions",
            temporary / "submission",
        )
        write_json(temporary / "scores.json", board)
        write_text(temporary / "index.html", render(board))
        write_text(temporary / "README.md", model_card(board, best))
