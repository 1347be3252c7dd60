"""The corpus of a task of running text: sentences of many languages, so many of each.

Articles are read from the first one on and cut into sentences until a language has its quota.
What lies behind that is not read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from xstilts.data import canonical, hub
from xstilts.data.convert import Converted, convert
from xstilts.data.rows import SourceRows
from xstilts.data.sources import Origin, present_languages, rows_of
from xstilts.errors import UserError, raise_if_any
from xstilts.evaluation.words import sentence_spans, word_spans
from xstilts.tasks.record import Sampling, Task

SHORTEST = 3  # words of a sentence; what is shorter is a heading or an item of a list


@dataclass(frozen=True)
class Share:
    """What a corpus holds of one language."""

    source: SourceRows  # without its rows
    sentences: Converted
    size: int  # articles of the source
    quota: int  # sentences that its size gives it

    def note(self) -> tuple[str, ...]:
        """Whether the source was too small for its quota, for the provenance."""
        found = len(self.sentences.rows)
        if found >= self.quota:
            return ()
        return (f"the source has {found} sentences, {self.quota - found} less than its quota",)


def quotas(
    sizes: Mapping[str, int],
    sampling: Sampling,
    limits: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Sentences of each language: whole numbers whose sum is the total of `sampling`.

    Shares are proportional to (n_l / n) ** exponent, with `sizes` n_l, and are rounded by the
    largest remainder. A language gets no more than its limit where `limits` has one, and the
    others share what it leaves; if nobody can take it, the sum is that of the limits.
    """
    whole, limits = sum(sizes.values()), limits or {}
    largest = sorted(sizes, key=lambda lang: -sizes[lang])  # the first of equal remainders
    weights = {lang: (sizes[lang] / whole) ** sampling.exponent for lang in largest}
    found, rest = dict.fromkeys(sizes, 0), sampling.total
    while weights:
        unit = rest / sum(weights.values())
        shares = {lang: unit * weight for lang, weight in weights.items()}
        full = {lang: n for lang, n in limits.items() if lang in shares and n < shares[lang]}
        if not full:
            return found | _rounded(shares, rest)
        found |= full
        rest -= sum(full.values())
        weights = {lang: weight for lang, weight in weights.items() if lang not in full}
    return found


def _rounded(shares: Mapping[str, float], total: int) -> dict[str, int]:
    """Whole numbers of the sum `total`, by the largest remainder; of equal ones the first."""
    found = {lang: int(share) for lang, share in shares.items()}
    order = sorted(shares, key=lambda lang: found[lang] - shares[lang])
    for lang in order[: total - sum(found.values())]:
        found[lang] += 1
    return found


def sentences(text: str) -> list[str]:
    """The sentences of an article, as `sentence_spans` cuts them; those of one or two words go.

    Words are those of `word_spans`: where a script has no spaces, every character is one.
    """
    found = (text[first:end].strip() for first, end in sentence_spans(text))
    return [one for one in found if len(word_spans(one)) >= SHORTEST]


def sampled(where: Origin, task: Task, split: str) -> dict[str, Share]:
    """The corpus: of each language of the task that the source has, its sentences.

    The total is that of the task's `sampling`; in the world, `sizes` times the languages.
    Where a source ends before its quota, the others give what is missing, as far as they can.
    A corpus that was read before is not read again. Raises `UserError` with all problems.
    """
    key = (task.name, split)
    if key not in where.corpora:
        try:
            where.corpora[key] = _read(where, task, split)
        except UserError as error:
            where.corpora[key] = error
    found: dict[str, Share] | UserError = where.corpora[key]
    if isinstance(found, UserError):
        raise found
    return found


def _read(where: Origin, task: Task, split: str) -> dict[str, Share]:
    readers, problems = {}, []
    for lang in present_languages(where, task):
        try:
            readers[lang] = _reader(where, task, split, lang)
        except UserError as error:
            problems += error.problems
    raise_if_any(problems)
    sizes = {lang: one.size for lang, one in readers.items()}
    sampling = _sampling(where, task, split)
    first = wanted = quotas(sizes, sampling)
    limits: dict[str, int] = {}
    while short := {lang for lang, quota in wanted.items() if not readers[lang].read(quota)}:
        limits |= {lang: len(readers[lang].found.rows) for lang in short}
        wanted = quotas(sizes, sampling, limits)
    shares = {lang: one.share(wanted[lang], first[lang]) for lang, one in readers.items()}
    raise_if_any(problem for own in shares.values() for problem in _problems(own, task))
    return shares


def _problems(own: Share, task: Task) -> list[str]:
    if not own.sentences.rows:
        return [
            f"{own.source.where}: no sentence is left for {task.name} (its quota is {own.quota}, "
            f"dropped {dict(own.sentences.dropped)}): leave the language out, or take more text."
        ]
    return canonical.validate(own.sentences.rows, task, own.source.where, own.sentences.numbers)


def _sampling(where: Origin, task: Task, split: str) -> Sampling:
    assert task.sampling
    langs, total = len(task.languages), task.sampling.total
    if where.kind == "world":
        total = where.sizes[split] * langs
    elif where.limit is not None:
        total = min(total, where.limit * langs)
    return replace(task.sampling, total=total)


@dataclass
class _Reader:
    """The sentences of one language, as far as they were asked for."""

    task: Task
    lang: str
    size: int  # articles
    articles: Iterator[SourceRows]
    source: SourceRows
    found: Converted = field(default_factory=lambda: Converted([], []))

    def read(self, count: int) -> bool:
        """Read on until there are `count` sentences; False if the source ends before."""
        while len(self.found.rows) < count:
            batch = next(self.articles, None)
            if batch is None:
                return False
            self.source = batch.take([])
            self._cut(convert(batch, self.task, self.lang))
        return True

    def share(self, count: int, quota: int) -> Share:
        """The first `count` sentences, or all."""
        rows, numbers = self.found.rows[:count], self.found.numbers[:count]
        kept = replace(self.found, rows=rows, numbers=numbers)
        share = Share(self.source, kept, self.size, quota)
        return replace(share, source=replace(self.source, notes=self.source.notes + share.note()))

    def _cut(self, articles: Converted) -> None:
        self.found.dropped.update(articles.dropped)
        for row, number in zip(articles.rows, articles.numbers, strict=True):
            if not isinstance(row["text"], str):
                self._add(row, number)  # for the checks to name
                continue
            for place, text in enumerate(sentences(row["text"])):
                self._add({"id": f"{row['id']}-{place}", "text": text}, number)

    def _add(self, row: canonical.Row, number: int) -> None:
        self.found.rows.append(row)
        self.found.numbers.append(number)


def _reader(where: Origin, task: Task, split: str, lang: str) -> _Reader:
    task = task.in_language(lang)
    if where.kind == "world":
        source = rows_of(where, task, split, lang)
        return _Reader(task, lang, len(source.rows), iter([source]), source.take([]))
    own = task.source
    place = hub.find(where.place, own.hub, own.config_of(lang), own.splits[split], own.revision)
    nothing = SourceRows(rows=[], numbers=[], where=place.where)
    return _Reader(task, lang, hub.size(place), hub.parts(place), nothing)
