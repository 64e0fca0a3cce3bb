"""A process that asks an EHR for what is too large: EHR_URL, and a line on stdout for each question.

Each line has the question, the class of the error, its words, and by how many megabytes the process ever grew meanwhile.
"""

import sys
from pathlib import Path

from config.tenants import Tenant
from service.ehr.client import Ehr
from service.errors import EhrError


def main(url: str, questions: list[str]) -> None:
    """Ask each question once, after a first one that is answered well."""
    tenant = Tenant(id="one", fhir_base_url=url, organization="Example Hospital", requests_per_second=1000.0)
    with Ehr(tenant, sleep=lambda _: None) as ehr:
        ehr.read("Patient/small")
        before = _peak_megabytes()
        for question in questions:
            try:
                error: EhrError | None = None
                if question.startswith("create"):
                    ehr.create({"resourceType": "Goal"})
                else:
                    ehr.read(f"Patient/{question}")
            except EhrError as raised:
                error = raised
            grown = _peak_megabytes() - before
            sys.stdout.write(f"{question}|{type(error).__name__}|{error}|{grown:.1f}\n")


def _peak_megabytes() -> float:
    """The most this process ever held (VmHWM): getrusage would count what its parent held."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
