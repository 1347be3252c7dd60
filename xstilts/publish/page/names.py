"""How languages and scripts are called on a page that people read."""

RIGHT_TO_LEFT = frozenset({"Arab", "Hebr"})

SCRIPTS = {
    "Arab": "Arabic",
    "Beng": "Bengali",
    "Cyrl": "Cyrillic",
    "Deva": "Devanagari",
    "Geor": "Georgian",
    "Grek": "Greek",
    "Gujr": "Gujarati",
    "Guru": "Gurmukhi",
    "Hani": "Han",
    "Hebr": "Hebrew",
    "Jpan": "Japanese",
    "Kore": "Hangul",
    "Latn": "Latin",
    "Mlym": "Malayalam",
    "Mymr": "Burmese",
    "Taml": "Tamil",
    "Telu": "Telugu",
    "Thai": "Thai",
}

AUTONYMS = {
    **{"af": "Afrikaans", "ar": "العربية", "az": "azərbaycanca", "bg": "български"},
    **{"bn": "বাংলা", "de": "Deutsch", "el": "Ελληνικά", "en": "English", "es": "español"},
    **{"et": "eesti", "eu": "euskara", "fa": "فارسی", "fi": "suomi", "fr": "français"},
    **{"gu": "ગુજરાતી", "he": "עברית", "hi": "हिन्दी", "ht": "kreyòl ayisyen"},
    **{"hu": "magyar", "id": "bahasa Indonesia", "it": "italiano", "ja": "日本語"},
    **{"jv": "basa Jawa", "ka": "ქართული", "kk": "қазақша", "ko": "한국어"},
    **{"lt": "lietuvių", "ml": "മലയാളം", "mr": "मराठी", "ms": "bahasa Melayu"},
    **{"my": "မြန်မာ", "nl": "Nederlands", "pa": "ਪੰਜਾਬੀ", "pl": "polski"},
    **{"pt": "português", "qu": "Runa Simi", "ro": "română", "ru": "русский"},
    **{"sw": "Kiswahili", "ta": "தமிழ்", "te": "తెలుగు", "th": "ไทย", "tl": "Tagalog"},
    **{"tr": "Türkçe", "uk": "українська", "ur": "اردو", "vi": "Tiếng Việt"},
    **{"wo": "Wolof", "yo": "Yorùbá", "zh": "中文"},
}
