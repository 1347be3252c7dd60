"""A miniature multilingual world: real words, a small grammar, labels that follow from meaning."""

from xstilts.world.hub import hub_rows

__all__ = ["hub_rows"]
