"""The image that these tests run: the one that `make image` builds, or `XSTILTS_IMAGE`."""

import os

from pipelines import engine


def project_image() -> str:
    """Its name; raises `UserError` when the engine does not have it."""
    name = os.environ.get("XSTILTS_IMAGE", "xstilts:cpu")
    engine.image_ids(engine.connect(), [name])
    return name
