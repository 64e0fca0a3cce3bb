from tests.sandbox_fixtures import empty_sandbox, sandbox

__all__ = ["empty_sandbox", "sandbox"]
