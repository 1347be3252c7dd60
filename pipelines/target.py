"""Where runs are started and what they write to: Kubeflow's address, the store, an experiment."""

import argparse
import os
from collections.abc import Mapping

from pipelines import api
from pipelines.compile import ROOT
from pipelines.local.containers import is_loopback
from xstilts.errors import UserError
from xstilts.store.location import Location, parse
from xstilts.store.remote import configured

ENDPOINTS = ("XSTILTS_KFP_ENDPOINT", "KF_PIPELINES_ENDPOINT")
EXPERIMENT = "xstilts"


def add_store_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options of `read_store`; returns their group."""
    store = parser.add_argument_group("the store (default: this clone's)")
    store.add_argument("--s3-url", metavar="s3://BUCKET/PREFIX")
    store.add_argument("--s3-endpoint", metavar="URL")
    store.add_argument("--s3-region", metavar="NAME")
    return store


def read_endpoint(given: str | None, problems: list[str]) -> api.Endpoint:
    """The address of Kubeflow, from the command line or the environment, and the token for it."""
    url = given or next((value for name in ENDPOINTS if (value := os.environ.get(name))), None)
    if url is None:
        problems.append(
            f"no Kubeflow endpoint: give --endpoint https://HOST/pipeline, or set {ENDPOINTS[0]}."
        )
        return api.Endpoint("")
    problems += api.endpoint_problems(url)
    return api.Endpoint(url.rstrip("/"), os.environ.get(api.TOKEN) or None)


def read_store(given: Mapping[str, str | None], problems: list[str]) -> dict[str, str]:
    """The pipeline's parameters of the store; `given` are those that are known already."""
    own = {"endpoint": given.get("s3_endpoint"), "region": given.get("s3_region")}
    try:
        found = _location(given.get("s3_url"), own)
    except UserError as error:
        problems += error.problems
        return {}
    if is_loopback(found.endpoint):
        problems.append(
            f"the S3 server {found.endpoint} is on this machine, where pods cannot reach it: "
            "give one that they can by --s3-url and --s3-endpoint."
        )
    values = {"s3_url": found.url, "s3_endpoint": found.endpoint, "s3_region": found.region}
    return {name: value for name, value in values.items() if value}


def _location(url: str | None, given: dict[str, str | None]) -> Location:
    if url is not None:
        return parse(url, **given)
    known = configured(ROOT)
    if known is None:
        raise UserError(
            "no store: give --s3-url s3://BUCKET/PREFIX, or set one: xstilts store use S3_URL."
        )
    return parse(str(known), **given)
