"""Which Observations ask who somebody is and how they live."""

from typing import Final

#: Categories of Observations that say who somebody is and how they live: US Core's, Gravity's, vendors'.
SCREENING: Final = frozenset(
    {
        "survey",
        "social-history",
        "social history",
        "socialhistory",
        "sdoh",
        "functional-status",
        "disability-status",
        "cognitive-status",
        "mental-health",
        "smartdata",
        "smart-data",
        "care-experience-preference",
        "food-insecurity",
        "housing-instability",
        "homelessness",
        "transportation-insecurity",
        "sdoh-category-unspecified",
    }
)
