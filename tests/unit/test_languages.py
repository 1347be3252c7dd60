import csv

from xstilts.tasks.languages import LANGUAGES


def test_languages_agree_with_the_fact_sheet(shared):
    with (shared / "facts" / "languages.csv").open(encoding="utf-8") as stream:
        facts = {row["iso639_1"]: row for row in csv.DictReader(stream)}

    assert set(LANGUAGES) == set(facts)
    for code, language in LANGUAGES.items():
        row = facts[code]
        assert language.iso3 == row["iso639_3_tatoeba"]
        assert (language.family, language.branch) == (row["family"], row["branch"])
        assert language.script == row["script_iso15924"]
        assert language.spaced == (row["space_separated"] == "1")


def test_codes_are_unique_and_two_alphabets_long():
    assert len({language.iso3 for language in LANGUAGES.values()}) == len(LANGUAGES) == 50
    assert all(len(code) == 2 and len(lang.iso3) == 3 for code, lang in LANGUAGES.items())


def test_languages_without_spaces():
    assert {code for code, lang in LANGUAGES.items() if not lang.spaced} == {"zh", "ja", "th", "my"}
