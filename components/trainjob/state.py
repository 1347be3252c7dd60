"""What the conditions of an object say: a TrainJob's end, or why something waits."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def condition(found: Mapping[str, Any], kind: str, status: str = "True") -> Json | None:
    """The condition of this type if it has this status."""
    for item in (found.get("status") or {}).get("conditions") or []:
        if item["type"] == kind and item["status"] == status:
            return dict(item)
    return None


def is_complete(job: Mapping[str, Any]) -> bool:
    """Whether a TrainJob ended well."""
    return condition(job, "Complete") is not None


def failed(job: Mapping[str, Any]) -> str | None:
    """Why a TrainJob failed, as Trainer says; None if it did not."""
    found = condition(job, "Failed")
    return None if found is None else f"{found.get('reason')}: {found.get('message')}"
