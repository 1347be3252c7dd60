"""Telling people how a run ended: a message to a webhook that takes Slack's JSON.

The webhook's address is a secret: whoever knows it can write there. It comes from the environment
and goes into no message, log or error.
"""

import json
import os
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from xstilts.errors import UserError

WEBHOOK = "XSTILTS_WEBHOOK"
NEVER, FAILURES, ALWAYS = CHOICES = ("never", "failures", "always")
_TIMEOUT = 10  # seconds, for one try
_PAUSES = (1.0, 5.0)  # seconds before the second and the third try
_LONGEST = 3000  # characters; Slack cuts a text of more
_FOR_SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class _NoRedirects(HTTPRedirectHandler):
    """What the message says is for one place only."""

    def redirect_request(self, *_: Any) -> None:
        return None


def notify(when: str, ended_well: bool, lines: list[str]) -> str:
    """Send a message if `when` says so; returns what came of it, '' if none was asked for.

    `lines` are the message, the first of which is its head. A message that cannot be sent changes
    nothing about the run, so it is no error: what is returned says why.
    """
    if when not in CHOICES:
        return f"failed: notify {when!r} is none of {', '.join(CHOICES)}"
    if when == NEVER or (when == FAILURES and ended_well):
        return ""
    try:
        _send(os.environ.get(WEBHOOK, "").strip(), message(ended_well, lines))
    except UserError as error:
        return f"failed: {error}"
    return "sent"


def message(ended_well: bool, lines: list[str]) -> dict[str, str]:
    """The JSON of a message."""
    head, *rest = lines
    mark = ":white_check_mark:" if ended_well else ":x:"
    text = "\n".join([f"{mark} *{head}*", *rest])
    return {"text": text[:_LONGEST].translate(_FOR_SLACK)}


def _send(url: str, content: Mapping[str, str]) -> None:
    """Post a message. Raises `UserError`, without the address, if nobody takes it."""
    if not url:
        raise UserError(f"{WEBHOOK} is not set: the secret of the webhook has no key url")
    host = _host(url)
    headers = {"Content-Type": "application/json"}
    request = Request(url, json.dumps(content).encode(), headers)
    for pause in (*_PAUSES, None):
        problem, again = _try(request)
        if not problem:
            return
        if pause is None or not again:
            raise UserError(f"the webhook at {host} {problem}")
        time.sleep(pause)


def _try(request: Request) -> tuple[str, bool]:
    """What is wrong after one try, '' if nothing, and whether another one may help."""
    try:
        with build_opener(_NoRedirects()).open(request, timeout=_TIMEOUT):
            return "", False
    except HTTPError as error:
        busy = error.code == HTTPStatus.TOO_MANY_REQUESTS or error.code >= 500
        return f"answers {error.code} {error.reason}", busy
    except (OSError, HTTPException) as error:
        return f"cannot be reached ({type(getattr(error, 'reason', error)).__name__})", True


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or not url.isascii():
        raise UserError(f"{WEBHOOK} is no address: it must begin with https:// and name a host")
    return host
