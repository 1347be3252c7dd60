"""Whether the pods of a run fit into the walls of a namespace: ResourceQuota and LimitRange."""

from collections.abc import Iterator
from fractions import Fraction

from pipelines.doctor.demand import Demand, Need, needs, training
from pipelines.doctor.objects import Json, Objects
from pipelines.quantities import amount, written
from xstilts.study.findings import NOTE, Finding

_ENDLESS = 10**6  # sets of pods, where nothing limits them
_GIVE_ROOM = "raise it (k8s/base/namespace.yaml), or take another pool"


def sets(limit: Fraction, each: Fraction) -> int:
    """How many times `each` goes into a limit."""
    return int(limit // each) if each else _ENDLESS


def side_by_side(kind: str, name: str, need: Need, room: int, wanted: int) -> Finding:
    """That what trains fits into a queue or quota: all that the run wants, or fewer (a note)."""
    if room >= wanted:
        return Finding(kind, f"{name}: room for {need}, and for all {wanted} of the run at once.")
    text = f"{name}: room for {need}, but for {room} of the run's {wanted} at once: others wait."
    return Finding(kind, text, state=NOTE)


def quotas(objects: Objects, demand: Demand) -> Iterator[Finding]:
    """What the namespace's quotas forbid, or make wait; what is in use now is not counted."""
    if why := objects.why_not("ResourceQuota"):
        yield Finding("quota", f"no ResourceQuota was looked at: {why}.", state=NOTE)
    for name, found in objects.of("ResourceQuota").items():
        spec = found.get("spec") or {}
        if spec.get("scopes") or spec.get("scopeSelector"):
            yield Finding("quota", f"{name} was not looked at: it has scopes.", state=NOTE)
        else:
            yield from _quota(objects, name, spec.get("hard", {}), demand)


def _quota(objects: Objects, name: str, hard: Json, demand: Demand) -> Iterator[Finding]:
    fits = True
    for need in needs(demand):
        counted = _counted(need, hard)
        if short := [key for key, value in counted.items() if amount(hard[key]) < value]:
            fits = False
            sizes = ", ".join(f"{key} {hard[key]}" for key in short)
            text = f"{need} never fits into the ResourceQuota {name} with its {sizes}."
            yield Finding("quota", text, _GIVE_ROOM)
    if "limits.cpu" in hard and not _default_cpu(objects):
        fits = False
        text = f"the ResourceQuota {name} has limits.cpu, and refuses pods without it, as ours are."
        yield Finding("quota", text, "take it out, or give containers a default in a LimitRange")
    train = training(demand)
    rooms = [sets(amount(hard[key]), value) for key, value in _counted(train, hard).items()]
    if fits and rooms:
        yield side_by_side("quota", name, train, min(rooms), demand.at_once)


def _counted(need: Need, hard: Json) -> dict[str, Fraction]:
    """What the pods take together of each thing that a quota bounds."""
    asked = need.amounts
    found = {f"requests.{name}": value for name, value in asked.items()}
    found |= {"cpu": asked["cpu"], "memory": asked["memory"], "limits.memory": _limit(need)}
    found |= {"pods": Fraction(1), "count/pods": Fraction(1)}
    return {name: value * need.count for name, value in found.items() if name in hard}


def _limit(need: Need) -> Fraction:
    return amount(need.pool.memory)


def limits(objects: Objects, demand: Demand) -> Iterator[Finding]:
    """What the namespace's LimitRanges say of one container or pod."""
    if why := objects.why_not("LimitRange"):
        yield Finding("limits", f"no LimitRange was looked at: {why}.", state=NOTE)
    for name, rule in _rules(objects):
        wrong = False
        for need in needs(demand):
            for problem in _refused(need, rule):
                wrong = True
                text = f"the LimitRange {name} refuses {need}: {problem}."
                yield Finding("limits", text, "change it (k8s/base/namespace.yaml), or the pool")
        if not wrong:
            yield Finding("limits", f"{name} ({rule['type']}) lets every pod of the run be made.")


def _rules(objects: Objects) -> Iterator[tuple[str, Json]]:
    """The rules of LimitRanges for containers and pods, each with its LimitRange's name."""
    for name, found in objects.of("LimitRange").items():
        for rule in found["spec"]["limits"]:
            if rule["type"] in ("Container", "Pod"):
                yield name, rule


def _refused(need: Need, rule: Json) -> Iterator[str]:
    """Why a rule refuses one of the pods, whose containers have no limit of CPU of their own."""
    highest = need.amounts | {"memory": _limit(need)}
    for key, value in highest.items():
        if key in rule.get("max", {}) and value > amount(rule["max"][key]):
            yield f"at most {written(key, amount(rule['max'][key]))}, not {written(key, value)}"
    for key, value in need.amounts.items():
        if key in rule.get("min", {}) and value < amount(rule["min"][key]):
            yield f"at least {written(key, amount(rule['min'][key]))}, not {written(key, value)}"
    default = rule.get("default", {}).get("cpu")
    if default is not None and amount(default) < need.amounts["cpu"]:
        yield f"its default limit of {default} cpu is less than what is asked for"
    ratio = rule.get("maxLimitRequestRatio", {}).get("memory")
    if ratio is not None and _limit(need) > amount(ratio) * need.amounts["memory"]:
        yield f"the limit of memory is more than {ratio} times what is asked for"


def _default_cpu(objects: Objects) -> bool:
    """Whether containers without a limit of CPU get one: from a default, or else a maximum."""
    return any(
        "cpu" in rule.get(field, {}) for _, rule in _rules(objects) for field in ("default", "max")
    )
