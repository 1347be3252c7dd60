"""Scoreboards made by hand, with all that the answer is derived from."""

from typing import Any

ONE_SEED = (
    "There is one seed: seeds were not resampled, so nothing here says how much another training "
    "run would differ."
)
TOTAL = {"of": "xtreme", "tasks": ["xnli"], "missing": ["panx"]}
OWN = {"of": "targets", "tasks": ["snli", "x_csqa"], "missing": []}
Record = dict[str, Any]


def interval(low: float, high: float, p_holm: float | None = None) -> Record:
    """A difference in the middle of its interval; clear after Holm's correction if it can be."""
    value, direction = (low + high) / 2, int(low > 0) - int(high < 0)
    p = p_holm if p_holm is not None else 0.001 if direction else 0.4
    ends = {"value": value, "low": low, "high": high, "p": p, "p_holm": p}
    return ends | {"confidence": 0.95, "direction": direction, "levels": ["items"]}


def record(recipe: str, delta: Record | None, model: str = "m") -> Record:
    """A recipe with one task."""
    own = {"value": 50.0, "seeds": {"0": 50.0}, "languages": {"de": 50.0}}
    own |= dict.fromkeys(["english", "zero_shot", "gap"]) | {"delta": delta}
    return {
        "model": model,
        "recipe": recipe,
        "control_of": None,
        "tasks": {"xnli": own},
        "groups": {},
        "average": {"value": 50.0, "tasks": ["xnli"], "missing": [], "delta": delta},
    }


def summary(**recipes: tuple[float, ...]) -> list[Record]:
    """Recipes by their intervals."""
    return [record(recipe, interval(*ends)) for recipe, ends in recipes.items()]


def statistics(**changes: Any) -> Record:
    """Statistics that say nothing, but for the `changes`."""
    power = {"model": "m", "seeds": 1, "spread": None, "detectable": None, "sentence": ONE_SEED}
    kinds = ("best", "models", "comparisons", "similarity", "languages", "hierarchy")
    found: Record = {name: [] for name in kinds} | {"power": [power], "left_out": []}
    return found | {"method": "by hand", "replicates": 0} | changes


def board(
    records: list[Record],
    total: Record = TOTAL,
    *,
    baseline: str = "none",
    asks: str = "gains",
    **changes: Any,
) -> Record:
    """A scoreboard of these records, with `changes` to its statistics."""
    found = {"asks": asks, "baseline": baseline, "total": total, "summary": records}
    found |= {"missing": []}
    return found | {"statistics": statistics(**changes)}


def ranking(
    by: str = "task", p: float = 0.3, w: float = 0.2, model: str = "m", **ranks: float
) -> Record:
    """What three judges say."""
    ranks = ranks or {"none": 2.2, "a": 2.0, "b": 1.8}
    found = {name: {"value": rank, "low": rank, "high": rank} for name, rank in ranks.items()}
    judges = ["xnli", "panx", "udpos"]
    return {"model": model, "by": by, "judges": judges, "w": w, "p": p, "exact": True} | {
        "ranks": found
    }


def between(low: float, high: float, recipe: str = "a", p_holm: float | None = None) -> Record:
    """What a recipe gains for xlmr less what it gains for mt5."""
    own = {"recipe": recipe, "model": "xlmr", "other": "mt5", "of": "average"}
    return own | interval(low, high, p_holm)


def group(
    name: str, low: float, high: float, model: str = "m", seen: tuple[str, ...] = ("en",)
) -> Record:
    """What recipe a gains in a group of languages less what it gains in the others."""
    own = {"model": model, "recipe": "a", "group": name, "of": "average", "seen": list(seen)}
    return own | interval(low, high)


GROUPS = {"syntax": ["parsing", "tagging"], "semantics": ["stsb", "qqp"]}


def comparison(
    low: float,
    high: float,
    *,
    sides: tuple[str, str] = ("syntax", "semantics"),
    of: str = "average",
    model: str = "m",
    p_holm: float | None = None,
) -> Record:
    """The scores of the first side less those of the second."""
    own = {"model": model, "first": sides[0], "second": sides[1], "of": of}
    recipes = [GROUPS.get(side, [side]) for side in sides]
    return own | {"recipes": recipes} | interval(low, high, p_holm)


def best(low: float, high: float, **recipes: str) -> Record:
    """What choosing these `recipes` by target gains; two targets are left out."""
    own = {"model": "m", "recipes": recipes, "tasks": list(recipes)}
    return own | {"left_out": ["bucc2018", "tatoeba"]} | interval(low, high)


def similarity(
    low: float | None, high: float | None, kin: Record | None = None, model: str = "m"
) -> Record:
    """Spearman's rho between similarity and gain, and what relatives of the source gain more."""
    own = {"model": model, "source": ["en"], "targets": list("abcdefgh"), "pairs": 8}
    if low is None or high is None:
        names = ("rho", "low", "high", "p", "p_holm", "direction")
        return own | dict.fromkeys(names) | {"family": kin}
    found = interval(low, high)
    return own | found | {"rho": found["value"], "family": kin}
