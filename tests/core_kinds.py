"""Kubernetes' own kinds against the models of its Python client, which are made from its API.

The client itself takes whatever it is given; here unknown fields, wrong types and missing values
are found. Its version says which API: 30 is Kubernetes 1.30.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kubernetes.client import models

GROUPS = {
    "v1", "apps/v1", "batch/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1",
    "scheduling.k8s.io/v1",
}  # fmt: skip
_PLAIN = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}
_LIST = re.compile(r"list\[(.+)\]")
_MAPPING = re.compile(r"dict\(str, (.+)\)")


def is_core(resource: Mapping[str, Any]) -> bool:
    """Whether a resource is of a kind that every Kubernetes has."""
    return resource["apiVersion"] in GROUPS


def problems(resource: Mapping[str, Any]) -> list[str]:
    """What is wrong with a resource, each with its place."""
    return list(_problems(resource, f"V1{resource['kind']}", resource["kind"]))


def _problems(value: Any, kind: str, where: str) -> Iterator[str]:
    if kind in _PLAIN:
        if not isinstance(value, _PLAIN[kind]) or (isinstance(value, bool) and kind != "bool"):
            yield f"{where}: must be of type {kind}, not {value!r}"
    elif found := _LIST.fullmatch(kind):
        if not isinstance(value, list):
            yield f"{where}: must be a list, not {value!r}"
            return
        for position, item in enumerate(value):
            yield from _problems(item, found[1], f"{where}[{position}]")
    elif found := _MAPPING.fullmatch(kind):
        if not isinstance(value, Mapping):
            yield f"{where}: must be a mapping, not {value!r}"
            return
        for name, item in value.items():
            yield from _problems(item, found[1], f"{where}.{name}")
    elif kind not in ("object", "datetime"):
        yield from _fields(value, getattr(models, kind), where)


def _fields(value: Any, model: Any, where: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{where}: must be a mapping, not {value!r}"
        return
    names = {name: attribute for attribute, name in model.attribute_map.items()}
    given = {}
    for name, item in value.items():
        if name not in names:
            yield f"{where}: unknown field {name}"
            continue
        given[names[name]] = item
        yield from _problems(item, model.openapi_types[names[name]], f"{where}.{name}")
    try:
        model(**given)
    except ValueError as error:  # what a model does check: values that must be there
        yield f"{where}: {error}"
