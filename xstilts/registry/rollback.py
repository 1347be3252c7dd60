"""Bringing an earlier champion back."""

from dataclasses import replace

from xstilts.errors import UserError
from xstilts.registry import record
from xstilts.registry.place import CHAMPION, MODELS, checked, now, where
from xstilts.registry.record import Entry, History
from xstilts.store import conditional
from xstilts.store.location import Location


def rollback(location: Location, name: str, to: str | None) -> Entry:
    """Make an earlier champion current again: `to` is its number, its run, or study/run.

    Without `to` it is the one before the current champion first was; so rolling back twice goes
    back by two. Raises `UserError` if there is none, or the champion changes in the meantime.
    """
    found: list[Entry] = []

    def edit(before: bytes | None) -> bytes | None:
        history = record.from_bytes(before, where(location, name))
        if found and found[-1] in history:  # written, but the answer was lost
            return None
        if found:
            raise UserError(
                f"The champion of {name} was changed meanwhile, to {history[-1].name}: look at "
                f"`xstilts champion history {name}` and roll back again."
            )
        found.append(_restored(location, name, history, to))
        return record.to_bytes([*history, found[-1]])

    conditional.change(location, edit, MODELS, checked(name), CHAMPION)
    return found[-1]


def _restored(location: Location, name: str, history: History, to: str | None) -> Entry:
    if not history:
        raise UserError(f"{where(location, name)} does not exist: {name} has no champion.")
    current = history[-1]
    earlier = _predecessor(name, history) if to is None else _named(name, history, to)
    if (earlier.study, earlier.run) == (current.study, current.run):
        raise UserError(f"{current.name} is the champion of {name} already.")
    return replace(
        earlier,
        number=len(history) + 1,
        at=now(),
        reason=f"Rolled back from {current.name} (number {current.number}).",
        restores=earlier.restores or earlier.number,
    )


def _predecessor(name: str, history: History) -> Entry:
    first = history[-1].restores or history[-1].number
    if first == 1:
        raise UserError(f"{name} had no champion before {history[-1].name}; name another: --to.")
    return history[first - 2]


def _named(name: str, history: History, to: str) -> Entry:
    for ways in (lambda own: (own.run, own.name), lambda own: (str(own.number),)):
        for entry in reversed(history):
            if to in ways(entry):
                return entry
    known = ", ".join(f"{entry.number} ({entry.name})" for entry in history)
    raise UserError(f"{name} never had the champion {to!r}; there were {known}.")
