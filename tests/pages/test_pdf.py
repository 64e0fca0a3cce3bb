"""The plan on paper, drawn by the real library and read back by another one."""

import base64
from datetime import UTC, datetime
from io import BytesIO

import pytest
from pypdf import PdfReader

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.lower import lower_resources
from service.pipeline.publishing.lower import pdf_renderer
from tests.builders import need, planned

pytestmark = pytest.mark.pages


def test_the_pdf_says_what_the_page_says() -> None:
    render, recorded = pdf_renderer(), datetime(2024, 3, 5, tzinfo=UTC)
    assert render
    drafts = lower_resources(planned(need()), author=Author("Homeward", ""), recorded=recorded, pdf=render)
    [document] = [one.body for one in drafts if one.key == "plan-document"]
    sent = {one["attachment"]["contentType"]: one["attachment"]["data"] for one in document["content"]}
    pages = PdfReader(BytesIO(base64.b64decode(sent["application/pdf"]))).pages
    said = " ".join(one.extract_text() for one in pages)
    assert "Zelda Testperson" in said
    assert "Food insecurity: Invented finding Z59.41" in said


def test_a_pdf_fetches_nothing_from_anywhere() -> None:
    render = pdf_renderer()
    assert render
    assert render("<p>One</p><img src='http://127.0.0.1:9/logo.png'>").startswith(b"%PDF")
