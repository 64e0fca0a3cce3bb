"""`make messages`: bring the message catalogues in step with what the sheet and the protocols say to patients.

New messages come in empty, changed ones are no longer there: a translation is never guessed at.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from config.catalogue import languages, path_of, read_catalogue
from config.content import load_content
from service.domain.content import Content, Protocol
from service.domain.need import NEUTRAL_TITLE
from service.domain.protocol import ReferralTemplate

_SPOKEN_IN: Final = Path(__file__).parent.parent / "presentation"
#: The functions whose first argument is a message.
_KEYWORDS: Final = {"say": None, "message": None}


def messages(content: Content) -> dict[str, list[str]]:
    """Every English message with the places where it is said: "presentation/patient_sheet.py", "protocols/stress"."""
    found: dict[str, list[str]] = {}
    for place, text in (*_said_in_code(), *_said_in_protocols(content)):
        places = found.setdefault(text, [])
        if place not in places:
            places.append(place)
    return found


def catalogue_of(language: str, content: Content) -> Catalog:
    """The catalogue of a language as it should be: today's messages with the translations there are."""
    known = read_catalogue(language)
    fresh = Catalog(locale=language, header_comment=known.header_comment, fuzzy=False)
    fresh.mime_headers = known.mime_headers
    for text, places in messages(content).items():
        old = known.get(text)
        fresh.add(
            text,
            old.string if old else "",
            # Without a line, which would change with every edit of a protocol.
            locations=[(place, None) for place in places],  # type: ignore[misc]  # write_po takes it so
            user_comments=old.user_comments if old else (),
            flags=old.flags if old else (),
        )
    return fresh


def _said_in_code() -> Iterator[tuple[str, str]]:
    for name, _, text, *_ in extract_from_dir(
        _SPOKEN_IN, method_map=[("**.py", "python")], keywords=_KEYWORDS
    ):
        yield f"presentation/{name}", str(text)


def _said_in_protocols(content: Content) -> Iterator[tuple[str, str]]:
    yield "domain/need.py", NEUTRAL_TITLE
    for protocol in content.protocols:
        yield from ((f"protocols/{protocol.ref.id}", text) for text in texts_for_patients(protocol))
    yield from (("terminology/referral_services.csv", title) for title in service_titles(content))


def service_titles(content: Content) -> tuple[str, ...]:
    """What the services that protocols ask for are, where a sheet is not in English."""
    offered = (offer.template for protocol in content.protocols for offer in protocol.offers)
    titles = {one.service_title for one in offered if isinstance(one, ReferralTemplate)}
    return tuple(sorted(titles))


def texts_for_patients(protocol: Protocol) -> Iterator[str]:
    """What a protocol says to the patient: its plain words, its warning signs, its neutral title."""
    yield from (text for offer in protocol.offers if (text := getattr(offer.template, "patient_text", "")))
    yield from protocol.warning_signs
    if protocol.neutral_title:
        yield protocol.neutral_title


def main() -> None:
    """Write every catalogue anew."""
    content = load_content()
    for language in languages():
        catalogue = catalogue_of(language, content)
        with path_of(language).open("wb") as file:
            write_po(file, catalogue, width=118)


if __name__ == "__main__":
    main()
