"""What all pages share: their templates and how these write numbers."""

from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from xstilts.publish.words.wording import points, signed


def environment() -> Environment:
    """Templates that escape what they are given and know no undefined names."""
    found = Environment(
        loader=PackageLoader("xstilts.publish.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"points": points, "signed": signed, "duration": duration, "hours": hours}
    found.filters |= {"data_address": data_address}
    return found


def data_address(text: str) -> Markup:
    """A CSV file as an address that holds its content, for a link to download."""
    return Markup("data:text/csv;charset=utf-8," + quote(text, safe=",.-_:/+"))


def duration(seconds: float) -> str:
    """Seconds as people say them: 12 s, 3 min 20 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def hours(value: float) -> str:
    """Device-hours as a duration."""
    return duration(value * 3600)
