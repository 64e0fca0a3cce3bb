"""Words and codes by which a record says that something is not known: unknown, declined, not documented, other."""

import re
from functools import lru_cache
from unicodedata import combining, normalize

_NOT_WORD = re.compile(r"[\W_]+")
_PARTS = re.compile(r"[/,;|]")
#: The whole entry, folded.
_WORDS = frozenset(
    {
        *("", "other", "others", "other language", "other languages", "language other", "something else"),
        *(
            "none",
            "none recorded",
            "n a",
            "na",
            "nil",
            "null",
            "blank",
            "missing",
            "tbd",
            "pending",
            "default",
        ),
        *("see notes", "see note", "see comments", "see comment", "multiple languages", "multiple"),
        *(
            "no linguistic content",
            "uncoded languages",
            "asku",
            "unk",
            "nask",
            "und",
            "oth",
            "not determined",
        ),
        *(
            "masked",
            "restricted",
            "not permitted",
            "temp unknown",
            "as text",
            "error",
            "invalid",
            "unsupported",
        ),
    }
)
#: How such an entry begins; what follows only says who did not say it, or why.
_BEGINNINGS = (
    *("unknown", "unspecified", "undetermined", "undisclosed", "unreported", "unavailable", "unassigned"),
    *(
        "decline",
        "declining",
        "refuse",
        "refusal",
        "patient decline",
        "patient refuse",
        "pt decline",
        "pt refuse",
    ),
    *(
        "unable to",
        "not documented",
        "not recorded",
        "not reported",
        "not specified",
        "not stated",
        "not asked",
    ),
    *(
        "not known",
        "not available",
        "not applicable",
        "not provided",
        "not given",
        "not obtained",
        "not collected",
    ),
    *(
        "not on file",
        "not entered",
        "not disclosed",
        "not answered",
        "no information",
        "no answer",
        "no response",
    ),
    *("no data", "prefer not", "prefers not", "choose not", "chooses not", "chose not", "does not know"),
    *(
        "don t know",
        "do not know",
        "did not",
        "to be determined",
        "asked but",
        "asked unknown",
        "asked declined",
    ),
)
#: v3 NullFlavor, FHIR's data-absent-reason, and the ISO 639-2 codes of no language.
_CODES = frozenset(
    {
        *(
            "ni",
            "inv",
            "der",
            "oth",
            "ninf",
            "pinf",
            "unc",
            "msk",
            "na",
            "unk",
            "asku",
            "nav",
            "nask",
            "navu",
        ),
        *(
            "qs",
            "trc",
            "np",
            "unknown",
            "asked-unknown",
            "temp-unknown",
            "not-asked",
            "asked-declined",
            "masked",
        ),
        *(
            "not-applicable",
            "unsupported",
            "as-text",
            "error",
            "not-a-number",
            "not-performed",
            "not-permitted",
        ),
        *("und", "mul", "mis", "zxx", "xxx", "xx", "zz", "zzz", "root", "art", "other", "declined"),
    }
)


@lru_cache(maxsize=1024)
def fold(text: str) -> str:
    """Words as they are compared: lower case, no accents, no punctuation, single spaces; an apostrophe joins nothing."""
    bare = "".join(sign for sign in normalize("NFKD", text.casefold()) if not combining(sign))
    return _NOT_WORD.sub(" ", bare).strip()


def says_nothing(words: str) -> bool:
    """Whether an entry in words, or each part of it ("Other/Unknown"), says that the thing is not known."""
    said = fold(words)
    return _says_nothing(said) or all(_says_nothing(fold(part)) for part in _PARTS.split(words))


def _says_nothing(said: str) -> bool:
    return said in _WORDS or said.startswith(_BEGINNINGS)


def is_no_code(code: str) -> bool:
    """Whether a code says that the thing is not known, whichever system it comes from."""
    return code.strip().lower() in _CODES
