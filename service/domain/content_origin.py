"""By which content a plan was made, and how far people have reviewed it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContentOrigin:
    """Names one content: digest is "sha256:…" of its files; pending of its protocols wait for a clinician's review."""

    digest: str
    protocols: int
    pending: int
