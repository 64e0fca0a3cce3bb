"""The web application: Flask with its doors, and what stands around them."""

from importlib.metadata import version

import structlog
from flask import Flask

from config.logging import configure_logging
from config.settings import Settings
from fhir_mappings.narrative import order_phrase
from service import clock
from service.bootstrap import Deps
from service.domain.gap_words import promise, provisional
from service.doors import guard, problems, threshold
from service.doors.caseload import caseload
from service.doors.cds_hooks import cds_hooks
from service.doors.directory import directory
from service.doors.discharges import discharges
from service.doors.health import health
from service.doors.jwks import jwks
from service.doors.launch import launch
from service.doors.openapi import describe, openapi
from service.doors.pages import pages
from service.doors.plans import plans
from service.doors.slow_callers import bounded
from service.doors.subscriptions import subscriptions
from service.doors.wiring import Wiring, wire


def create_app(settings: Settings, deps: Deps | None = None) -> Flask:
    """The application of one deployment; ConfigurationError when its doors would stand open to a network.

    Without deps each process builds its own adapters when the first request needs them, so after the fork.
    """
    guard.check_access(settings)
    clock.follow(settings.clock_file)
    if not structlog.is_configured():  # structlog's own default prints values
        configure_logging(settings.log_level)
    app = Flask("service", static_folder="doors/static", template_folder="doors/templates")
    app.config.update(MAX_CONTENT_LENGTH=settings.max_body_bytes, MAX_FORM_MEMORY_SIZE=0, MAX_FORM_PARTS=0)
    # No redirects: they would be made from the Host header, which anyone may write.
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals |= {"promise": promise, "provisional": provisional, "order_phrase": order_phrase}
    app.extensions |= wire(Wiring(settings, deps))
    threshold.install(app, https=settings.public_url.startswith("https://"))
    problems.install(app)
    api = describe(app, version=version("homeward"), public_url=settings.public_url)
    for described in (discharges, plans, caseload, directory, subscriptions, cds_hooks, health, jwks):
        api.register_blueprint(described)
    app.register_blueprint(pages)
    app.register_blueprint(launch)
    app.register_blueprint(openapi)
    app.wsgi_app = bounded(app.wsgi_app)  # type: ignore[method-assign, assignment]  # Flask names it so
    return app
