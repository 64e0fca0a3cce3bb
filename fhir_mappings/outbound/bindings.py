"""Codes that R4 and the profiles bind as `required`, for the elements Homeward writes.

fhir.resources does not check them. Source: HL7 FHIR R4 (4.0.1), US Core 6.1.0, Gravity SDOH Clinical Care 3.0.0.
"""

from typing import Final

_NARRATIVE_STATUS: Final = frozenset({"generated", "extensions", "additional", "empty"})
_REQUEST_STATUS: Final = frozenset(
    {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"}
)
_REQUEST_INTENT: Final = frozenset(
    {
        "proposal",
        "plan",
        "directive",
        "order",
        "original-order",
        "reflex-order",
        "filler-order",
        "instance-order",
        "option",
    }
)
_GOAL_STATUS: Final = frozenset(
    {
        "proposed",
        "planned",
        "accepted",
        "active",
        "on-hold",
        "completed",
        "cancelled",
        "entered-in-error",
        "rejected",
    }
)
_ACTIVITY_STATUS: Final = frozenset(
    {
        "not-started",
        "scheduled",
        "in-progress",
        "on-hold",
        "completed",
        "cancelled",
        "stopped",
        "unknown",
        "entered-in-error",
    }
)
_ACTIVITY_KIND: Final = frozenset(
    {
        "Appointment",
        "CommunicationRequest",
        "DeviceRequest",
        "MedicationRequest",
        "NutritionOrder",
        "Task",
        "ServiceRequest",
        "VisionPrescription",
    }
)
_DEVICE_NAME_TYPE: Final = frozenset(
    {
        "udi-label-name",
        "user-friendly-name",
        "patient-reported-name",
        "manufacturer-name",
        "model-name",
        "other",
    }
)

_TASK_STATUS: Final = frozenset(
    {
        "draft",
        "requested",
        "accepted",
        "rejected",
        "cancelled",
        "in-progress",
        "on-hold",
        "failed",
        "completed",
        "entered-in-error",
    }
)
_PRIORITY: Final = frozenset({"routine", "urgent", "asap", "stat"})

_DOCUMENT_STATUS: Final = frozenset({"current", "superseded", "entered-in-error"})
_COMPOSITION_STATUS: Final = frozenset({"preliminary", "final", "amended", "entered-in-error"})
_EVENT_STATUS: Final = frozenset(
    {
        "preparation",
        "in-progress",
        "not-done",
        "on-hold",
        "stopped",
        "completed",
        "entered-in-error",
        "unknown",
    }
)
#: Element path → the codes it may hold.
REQUIRED: Final[dict[str, frozenset[str]]] = {
    "CarePlan.text.status": frozenset({"additional", "generated"}),  # US Core allows fewer than R4
    "Goal.text.status": _NARRATIVE_STATUS,
    "ServiceRequest.text.status": _NARRATIVE_STATUS,
    "Provenance.text.status": _NARRATIVE_STATUS,
    "CarePlan.status": _REQUEST_STATUS,
    "CarePlan.intent": frozenset({"proposal", "plan", "order", "option"}),
    "CarePlan.activity.detail.status": _ACTIVITY_STATUS,
    "CarePlan.activity.detail.kind": _ACTIVITY_KIND,
    "Goal.lifecycleStatus": _GOAL_STATUS,
    "ServiceRequest.status": _REQUEST_STATUS,
    "ServiceRequest.intent": _REQUEST_INTENT,
    "ServiceRequest.priority": _PRIORITY,
    "DocumentReference.text.status": _NARRATIVE_STATUS,
    "DocumentReference.status": _DOCUMENT_STATUS,
    "DocumentReference.docStatus": _COMPOSITION_STATUS,
    "Communication.text.status": _NARRATIVE_STATUS,
    "Communication.status": _EVENT_STATUS,
    "Communication.priority": _PRIORITY,
    "Condition.text.status": _NARRATIVE_STATUS,
    "Task.text.status": _NARRATIVE_STATUS,
    "Task.status": _TASK_STATUS,  # Gravity takes neither ready nor received
    "Task.intent": frozenset({"order", "plan"}),  # a referral is an order; our own reminder is none
    "Task.priority": _PRIORITY,
    "Organization.telecom.system": frozenset({"phone", "fax", "email", "pager", "url", "sms", "other"}),
    "Provenance.entity.role": frozenset({"derivation", "revision", "quotation", "source", "removal"}),
    "Device.status": frozenset({"active", "inactive", "entered-in-error", "unknown"}),
    "Device.deviceName.type": _DEVICE_NAME_TYPE,
}

#: Gravity's SDOH categories (SDOHCC-ValueSetSDOHCategory) with their displays.
SDOH_DOMAINS: Final[dict[str, str]] = {
    "sdoh-category-unspecified": "SDOH Category Unspecified",
    "food-insecurity": "Food Insecurity",
    "housing-instability": "Housing Instability",
    "homelessness": "Homelessness",
    "inadequate-housing": "Inadequate Housing",
    "transportation-insecurity": "Transportation Insecurity",
    "financial-insecurity": "Financial Insecurity",
    "material-hardship": "Material Hardship",
    "educational-attainment": "Educational Attainment",
    "employment-status": "Employment Status",
    "veteran-status": "Veteran Status",
    "stress": "Stress",
    "social-connection": "Social Connection",
    "intimate-partner-violence": "Intimate Partner Violence",
    "elder-abuse": "Elder Abuse",
    "personal-health-literacy": "Personal Health Literacy",
    "health-insurance-coverage-status": "Health Insurance Coverage Status",
    "medical-cost-burden": "Medical Cost Burden",
    "digital-literacy": "Digital Literacy",
    "digital-access": "Digital Access",
    "utility-insecurity": "Utility Insecurity",
    "incarceration-status": "Incarceration Status",
    "language-access": "Language Access",
    "protective-factor": "Protective Factor",
}
