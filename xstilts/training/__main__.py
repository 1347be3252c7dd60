"""One process of a training run that `launch` started through torchrun.

Arguments: the entry (JSON file), the output folder, the file for the user's problems.
"""

import json
import os
import sys
from pathlib import Path

from xstilts.errors import USER_ERROR_EXIT_CODE, UserError
from xstilts.files import write_json
from xstilts.observe.logs import configure
from xstilts.process import die_with_parent, leave
from xstilts.training.launch import sigterm_unwinds
from xstilts.training.run import run_training


def main(entry: str, folder: str, problems: str) -> int:
    """Train; returns the exit code."""
    die_with_parent(os.getppid())
    try:
        configure()
        with sigterm_unwinds():
            run_training(json.loads(Path(entry).read_text(encoding="utf-8")), Path(folder))
            from xstilts.training.engine import disconnect

            disconnect()
    except UserError as error:
        write_json(Path(problems), error.problems)
        return USER_ERROR_EXIT_CODE
    return 0


if __name__ == "__main__":
    leave(main(*sys.argv[1:]))
