"""The end of a run on this machine: what every stage did, what failed and why, where things are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipelines.local.containers import Ended
from xstilts.errors import USER_ERROR_EXIT_CODE
from xstilts.store.fragments import RESULTS
from xstilts.store.location import Location

_LAST_LINES = 15


def summarise(
    failure: str,
    ended: Sequence[Ended],
    receipts: Mapping[str, Mapping[str, Any]],
    run: Location,
    show: Callable[[str], None],
) -> int:
    """Print how a run went; returns the exit code.

    `failure` is what KFP says of one, or ''. 0 only if it says nothing and the last attempt at
    every task succeeded; 2 if a task failed by a mistake of the user's, else 1.
    """
    last_attempts = {container.command: container for container in ended}.values()
    failed = [container for container in last_attempts if container.code != 0]
    for stage, receipt in sorted(receipts.items()):
        show(f"  {stage}: {receipt['outcome']}, {sum(receipt['seconds'].values()):.1f} s")
    for container in failed:
        show(f"{container.title} failed with exit code {container.code}. Its last lines:")
        for line in [*_last_lines(container), *filter(None, [container.note])]:
            show(f"  {line}")
    if failure:
        show(failure)
    show(f"Run: {run.url}")
    if failure or failed:
        codes = {container.code for container in failed}
        return USER_ERROR_EXIT_CODE if USER_ERROR_EXIT_CODE in codes else 1
    show(f"Report: {run.url}/{RESULTS}/index.html")
    return 0


def _last_lines(container: Ended) -> list[str]:
    if not container.log.exists():
        return []
    return container.log.read_text(encoding="utf-8").splitlines()[-_LAST_LINES:]
