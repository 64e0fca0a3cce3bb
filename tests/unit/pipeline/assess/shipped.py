"""The shipped content, compiled once for all tests of assessing."""

from config.content import load_content

CONTENT = load_content()
