from tests.ehr_fixtures import ehr, patient, tenant
from tests.sandbox_fixtures import empty_sandbox, sandbox

__all__ = ["ehr", "empty_sandbox", "patient", "sandbox", "tenant"]
