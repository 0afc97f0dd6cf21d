# syntax=docker/dockerfile:1
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src

# The dependencies first: this layer changes only with the lock file.
COPY requirements.lock ./
RUN python -m venv /opt/headrace \
 && /opt/headrace/bin/pip install --require-hashes -r requirements.lock

# The build tool comes from the lock file too, not from an isolated build that takes the newest.
COPY requirements-dev.lock ./
RUN pip install --require-hashes --constraint requirements-dev.lock hatchling

COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY agents agents
COPY streams streams
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/headrace/bin/pip install --no-deps /wheels/headrace-*.whl

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin headrace
COPY --from=build /opt/headrace /opt/headrace
ENV PATH=/opt/headrace/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /home/headrace
USER 10001:10001
EXPOSE 8321
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=30s --interval=10s --timeout=5s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8321/healthz', timeout=4)"]
ENTRYPOINT ["headrace"]
CMD ["worker"]
