# One image, three commands: `web` (the default), `worker`, `migrate`. See docs/operations.md.
#   docker build -t homeward .
#   docker run --read-only --tmpfs /tmp -e HOMEWARD_DATABASE_URL=… homeward migrate

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/homeward
WORKDIR /source
# The dependencies change rarely: their layer is kept while the source changes.
COPY requirements.lock ./
# --no-deps: the lock is whole, and pip's resolver would look past it for "name[extra]" once a newer release is out.
RUN /opt/homeward/bin/pip install --require-hashes --no-deps -r requirements.lock && /opt/homeward/bin/pip check
COPY pyproject.toml setup.cfg requirements-build.lock README.md LICENSE wsgi.py ./
COPY config config
COPY fhir_mappings fhir_mappings
COPY service service
# setuptools builds the package here and stays behind in this stage.
RUN python -m venv /opt/builder \
    && /opt/builder/bin/pip install --require-hashes --no-deps -r requirements-build.lock \
    && /opt/builder/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/homeward/bin/pip install --no-deps --no-index --find-links /wheels homeward \
    && /opt/homeward/bin/pip uninstall --yes pip

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin homeward
COPY --from=build /opt/homeward /opt/homeward
ENV PATH=/opt/homeward/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOMEWARD_BIND=0.0.0.0:8000
USER 10001
WORKDIR /
EXPOSE 8000
# Alive, not ready: a database that is away must not restart the web servers. A worker has no door; override it there.
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["homeward"]
CMD ["web"]
