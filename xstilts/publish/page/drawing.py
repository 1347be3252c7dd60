"""From a chart to SVG within a page: small, without script, in the page's colours.

Colours are the page's CSS variables, so light, dark and print have the same drawing. Sizes are
given, not measured, so the same numbers give the same bytes on every machine.
"""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup

_NAMESPACE = re.compile(r"\{.*\}")
_NUMBER = re.compile(r"-?\d*\.\d+")
_KEPT = {  # of all that Vega writes
    *("d", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height"),
    *("fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity"),
    *("font-weight", "font-size", "text-anchor"),
}
_INHERITED = ("fill", "stroke", "stroke-width", "font-size", "font-weight", "text-anchor")
_FONT = 11.5
_DEFAULTS = {  # of SVG, and of the page's style sheet
    *(("transform", "translate(0,0)"), ("stroke-width", "1"), ("text-anchor", "start")),
    *(("font-weight", "normal"), ("font-weight", "400"), ("font-size", f"{_FONT}px")),
}
THEME: dict[str, Any] = {
    "background": "transparent",
    "autosize": "none",
    "view": {"stroke": None},
    "axis": {
        **{"domain": False, "ticks": False, "labelFontSize": _FONT, "labelLimit": 400},
        **{"labelColor": "var(--soft)", "gridColor": "var(--line)", "titleColor": "var(--soft)"},
    },
    "text": {"fontSize": _FONT, "fill": "var(--ink)"},
}


def draw(specification: Mapping[str, Any], label: str) -> Markup:
    """A Vega-Lite specification as an `<svg role="img">` that is called `label`.

    A mark's description becomes its tooltip; all else that Vega writes for its own use goes.
    """
    import vl_convert

    svg = vl_convert.vegalite_to_svg({**specification, "config": THEME})
    drawn = ElementTree.fromstring(svg)
    width, height = (round(float(drawn.attrib[name])) for name in ("width", "height"))
    content = "".join(_text(child) for child in _slim(drawn))
    opening = Markup('<svg viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" ').format(
        w=width, h=height
    )
    return opening + Markup('aria-label="{}">').format(label) + Markup(content) + Markup("</svg>")


def _slim(element: Element) -> list[Element]:
    """What is to be seen of the children of an element."""
    return [kept for child in element for kept in _kept(child)]


def _kept(element: Element) -> list[Element]:
    """The element without what nobody sees; a group that says nothing gives way to its content."""
    tag = _NAMESPACE.sub("", element.tag)
    own = {name: _rounded(value) for name, value in element.attrib.items() if name in _KEPT}
    own = {name: value for name, value in own.items() if (name, value) not in _DEFAULTS}
    if tag == "g":
        return _group(own, _slim(element))
    drawn = {"fill", "stroke"} & own.keys() or tag in ("text", "line")
    if not drawn or (tag == "text" and not element.text) or "display" in element.attrib:
        return []
    kept = Element(tag, own)
    kept.text = element.text
    if element.get("role") == "graphics-symbol" and (title := element.get("aria-label")):
        told = Element("title")
        told.text = title
        kept.append(told)
    return [kept]


def _group(own: dict[str, str], children: list[Element]) -> list[Element]:
    """A group with what its children have in common."""
    if not children:
        return []
    own = {name: value for name, value in own.items() if (name, value) != ("fill", "none")}
    if len(children) > 1:
        for name in _INHERITED:
            values = {child.get(name) for child in children}
            if len(values) == 1 and None not in values:
                own[name] = str(values.pop())
                for child in children:
                    del child.attrib[name]
    if not own:
        return children
    if len(children) == 1 and not own.keys() & children[0].attrib.keys():
        children[0].attrib.update(own)
        return children
    group = Element("g", own)
    group.extend(children)
    return [group]


def _rounded(value: str) -> str:
    """Numbers with one decimal: a tenth of a pixel."""
    return _NUMBER.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), value)


def _text(element: Element) -> str:
    return ElementTree.tostring(element, encoding="unicode", short_empty_elements=True)
