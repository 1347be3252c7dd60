"""The languages of XTREME and XTREME-R: codes, family, branch, script."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """One language; families as in the benchmarks' papers, scripts as ISO 15924 codes."""

    code: str  # ISO 639-1
    iso3: str  # ISO 639-3, as Tatoeba names it
    name: str
    family: str
    branch: str
    script: str
    spaced: bool = True  # words are set apart by spaces


_ROWS = (
    Language("af", "afr", "Afrikaans", "Indo-European", "Germanic", "Latn"),
    Language("ar", "ara", "Arabic", "Afro-Asiatic", "Semitic", "Arab"),
    Language("az", "aze", "Azerbaijani", "Turkic", "Oghuz", "Latn"),
    Language("bg", "bul", "Bulgarian", "Indo-European", "Slavic", "Cyrl"),
    Language("bn", "ben", "Bengali", "Indo-European", "Indo-Aryan", "Beng"),
    Language("de", "deu", "German", "Indo-European", "Germanic", "Latn"),
    Language("el", "ell", "Greek", "Indo-European", "Hellenic", "Grek"),
    Language("en", "eng", "English", "Indo-European", "Germanic", "Latn"),
    Language("es", "spa", "Spanish", "Indo-European", "Romance", "Latn"),
    Language("et", "est", "Estonian", "Uralic", "Finnic", "Latn"),
    Language("eu", "eus", "Basque", "isolate", "Basque", "Latn"),
    Language("fa", "pes", "Persian", "Indo-European", "Iranian", "Arab"),
    Language("fi", "fin", "Finnish", "Uralic", "Finnic", "Latn"),
    Language("fr", "fra", "French", "Indo-European", "Romance", "Latn"),
    Language("gu", "guj", "Gujarati", "Indo-European", "Indo-Aryan", "Gujr"),
    Language("he", "heb", "Hebrew", "Afro-Asiatic", "Semitic", "Hebr"),
    Language("hi", "hin", "Hindi", "Indo-European", "Indo-Aryan", "Deva"),
    Language("ht", "hat", "Haitian Creole", "Creole", "French-based", "Latn"),
    Language("hu", "hun", "Hungarian", "Uralic", "Ugric", "Latn"),
    Language("id", "ind", "Indonesian", "Austronesian", "Malayo-Polynesian", "Latn"),
    Language("it", "ita", "Italian", "Indo-European", "Romance", "Latn"),
    Language("ja", "jpn", "Japanese", "Japonic", "Japanese", "Jpan", spaced=False),
    Language("jv", "jav", "Javanese", "Austronesian", "Malayo-Polynesian", "Latn"),
    Language("ka", "kat", "Georgian", "Kartvelian", "Georgian", "Geor"),
    Language("kk", "kaz", "Kazakh", "Turkic", "Kipchak", "Cyrl"),
    Language("ko", "kor", "Korean", "isolate", "Koreanic", "Kore"),
    Language("lt", "lit", "Lithuanian", "Indo-European", "Baltic", "Latn"),
    Language("ml", "mal", "Malayalam", "Dravidian", "Southern", "Mlym"),
    Language("mr", "mar", "Marathi", "Indo-European", "Indo-Aryan", "Deva"),
    Language("ms", "msa", "Malay", "Austronesian", "Malayo-Polynesian", "Latn"),
    Language("my", "mya", "Burmese", "Sino-Tibetan", "Tibeto-Burman", "Mymr", spaced=False),
    Language("nl", "nld", "Dutch", "Indo-European", "Germanic", "Latn"),
    Language("pa", "pan", "Punjabi", "Indo-European", "Indo-Aryan", "Guru"),
    Language("pl", "pol", "Polish", "Indo-European", "Slavic", "Latn"),
    Language("pt", "por", "Portuguese", "Indo-European", "Romance", "Latn"),
    Language("qu", "que", "Quechua", "Quechuan", "Quechuan", "Latn"),
    Language("ro", "ron", "Romanian", "Indo-European", "Romance", "Latn"),
    Language("ru", "rus", "Russian", "Indo-European", "Slavic", "Cyrl"),
    Language("sw", "swh", "Swahili", "Niger-Congo", "Bantu", "Latn"),
    Language("ta", "tam", "Tamil", "Dravidian", "Southern", "Taml"),
    Language("te", "tel", "Telugu", "Dravidian", "South-Central", "Telu"),
    Language("th", "tha", "Thai", "Kra-Dai", "Tai", "Thai", spaced=False),
    Language("tl", "tgl", "Tagalog", "Austronesian", "Malayo-Polynesian", "Latn"),
    Language("tr", "tur", "Turkish", "Turkic", "Oghuz", "Latn"),
    Language("uk", "ukr", "Ukrainian", "Indo-European", "Slavic", "Cyrl"),
    Language("ur", "urd", "Urdu", "Indo-European", "Indo-Aryan", "Arab"),
    Language("vi", "vie", "Vietnamese", "Austro-Asiatic", "Vietic", "Latn"),
    Language("wo", "wol", "Wolof", "Niger-Congo", "Senegambian", "Latn"),
    Language("yo", "yor", "Yoruba", "Niger-Congo", "Volta-Niger", "Latn"),
    Language("zh", "cmn", "Chinese", "Sino-Tibetan", "Sinitic", "Hani", spaced=False),
)
LANGUAGES: dict[str, Language] = {language.code: language for language in _ROWS}
