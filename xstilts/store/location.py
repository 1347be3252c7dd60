"""Where a store is: bucket and prefix, and the S3 server that has them."""

import re
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from xstilts.errors import raise_if_any

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_SEGMENT = re.compile(r"[A-Za-z0-9!_.*'()@=+:,~-]+")
_REGION = re.compile(r"(?!\d+$)(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_PROFILE = re.compile(r"[^\s\[\]#%$](?:[^\[\]#%$\x00-\x1f\x7f]*[^\s\[\]#%$])?")
_HOST = re.compile(r"(?:(?!-)[A-Za-z0-9-]{1,63}(?<!-)\.)*(?!-)[A-Za-z0-9-]{1,63}(?<!-)\.?")
_SETTINGS = ("endpoint", "region", "profile")
_FORM = "s3://BUCKET or s3://BUCKET/PREFIX"


@dataclass(frozen=True)
class Location:
    """A folder in a bucket. What is None is left to boto's own settings (environment, profile)."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None

    def __str__(self) -> str:
        """The whole location as one text, which `parse` reads back."""
        settings = {name: value for name in _SETTINGS if (value := getattr(self, name))}
        return self.url + (f"?{urlencode(settings, quote_via=quote, safe='')}" if settings else "")

    @property
    def url(self) -> str:
        """The location without its settings, as DVC writes it."""
        return f"s3://{self.bucket}/{self.prefix}" if self.prefix else f"s3://{self.bucket}"

    def key(self, *parts: str) -> str:
        """The object key of something in this folder."""
        return "/".join(part for part in (self.prefix, *parts) if part)

    def below(self, *parts: str) -> "Location":
        """A folder in this one."""
        return replace(self, prefix=self.key(*parts))


def parse(
    text: str,
    *,
    endpoint: str | None = None,
    region: str | None = None,
    profile: str | None = None,
) -> Location:
    """Read `s3://BUCKET/PREFIX?endpoint=..&region=..&profile=..`.

    A keyword that is given and not empty wins over the query. Raises a `UserError` with all
    that is wrong; whatever could be a password is not repeated in it.
    """
    url = _split(text)
    query = parse_qsl(url.query, keep_blank_values=True)
    given = {"endpoint": endpoint, "region": region, "profile": profile}
    settings = dict(query) | {name: value for name, value in given.items() if value}
    prefix = url.path.removeprefix("/").removesuffix("/")
    raise_if_any(
        [
            *_wrong_place(url, prefix),
            *_wrong_query([name for name, _ in query]),
            *_wrong_settings(settings),
        ]
    )
    server = settings.get("endpoint")
    return Location(
        bucket=url.netloc,
        prefix=prefix,
        endpoint=server.rstrip("/") if server else None,
        region=settings.get("region"),
        profile=settings.get("profile"),
    )


def _split(text: str) -> SplitResult:
    """The parts of a URL; one whose parts cannot be told is refused at once."""
    if text != text.strip() or not text.isprintable():
        raise_if_any([f"The store's URL {text!r} has spaces or control characters; remove them."])
    try:
        url = urlsplit(text)
    except ValueError:
        url = SplitResult("", "", "", "", "")
    if url.scheme.lower() != "s3" or "://" not in text:
        raise_if_any([f"{_shown(text)!r} is no place for a store: give it as {_FORM}."])
    return url


def _wrong_place(url: SplitResult, prefix: str) -> list[str]:
    bucket, problems = url.netloc, []
    if "@" in bucket or (":" in bucket and "@" in url.path):  # a secret key may have slashes
        return [
            "The store's URL has a user or a key before an '@'. Give only the bucket there; "
            "keys belong in the environment or in a profile."
        ]
    if not bucket:
        problems.append(f"The store's URL names no bucket: give it as {_FORM}.")
    elif not _BUCKET.fullmatch(bucket) or ".." in bucket or _ADDRESS.fullmatch(bucket):
        problems.append(
            f"{bucket!r} is no name for a bucket: 3 to 63 lower-case letters, digits, dots and "
            "hyphens, a letter or digit at both ends, no two dots in a row, no IP address."
        )
    wrong = [part for part in prefix.split("/") if prefix and not _is_segment(part)]
    if wrong:
        problems.append(
            f"The store's prefix {prefix!r} has the part {wrong[0]!r}: parts between slashes are "
            "not empty, not '.' or '..', and have letters, digits and !_.*'()@=+:,~- only."
        )
    if url.fragment:
        problems.append("The store's URL has a '#': remove it and what follows.")
    return problems


def _is_segment(part: str) -> bool:
    return bool(_SEGMENT.fullmatch(part)) and part not in (".", "..")


def _wrong_query(names: list[str]) -> list[str]:
    problems = []
    for name in sorted(set(names)):
        if name not in _SETTINGS:
            known = ", ".join(_SETTINGS)
            problems.append(f"The store's URL has the setting {name!r}; known are {known}.")
        elif names.count(name) > 1:
            problems.append(f"The store's URL gives {name!r} more than once; give it once.")
    return problems


def _wrong_settings(settings: dict[str, str]) -> list[str]:
    problems = []
    if "endpoint" in settings and (reason := wrong_endpoint(settings["endpoint"])):
        problems.append(f"The store's endpoint {reason}")
    if "region" in settings and not _REGION.fullmatch(region := settings["region"]):
        problems.append(
            f"The store's region {region!r} is no name of a region: letters, digits and hyphens, "
            "like us-east-1. Leave it out if the server has none."
        )
    if "profile" in settings and not _PROFILE.fullmatch(profile := settings["profile"]):
        problems.append(
            f"The store's profile {profile!r} is no name of a profile: give one of those in "
            "~/.aws/config or ~/.aws/credentials."
        )
    return problems


def wrong_endpoint(text: str) -> str:
    """What is wrong with a server's address, as the end of a sentence; '' if nothing is."""
    reason = _wrong_address(text)
    return f"{_shown(text)!r} {reason}: give it like https://s3.example.org:9000." if reason else ""


def _wrong_address(text: str) -> str:
    if "@" in text:
        return "has a user or a password (keys belong in the environment or a profile)"
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        return "has a wrong host or port"
    if text != text.strip() or not text.isprintable() or not text.isascii() or " " in text:
        return "has spaces or other characters that a URL cannot have"
    if url.scheme not in ("http", "https") or not url.hostname or "://" not in text:
        return "is no http:// or https:// address"
    if port == 0 or url.netloc.endswith(":"):
        return "has a wrong port"
    if not (_HOST.fullmatch(url.hostname) or "[" in url.netloc):
        return "has a host that is neither a name nor an address"
    if url.query or url.fragment or "?" in text or "#" in text:
        return "has a '?' or a '#'"
    return ""


def _shown(text: str) -> str:
    """A URL that may be repeated in a message: without what could be a user and a password."""
    return re.sub(r"(^|//).*@", r"\1…@", re.split(r"[?#]", text)[0])
