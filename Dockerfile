# The service as an image: locked wheels in a virtual environment, with the code and every shipped model.
# No compiler, no pip, no TensorFlow; runs as nobody in particular, on a read-only root, without a network.
# Where the base keeps its Python does not matter, as long as `python` starts it.
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
# For a mirror of the package index: docker build --build-arg PIP_INDEX_URL=…
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements/serve.txt /build/
RUN python -m venv --without-pip /venv \
 && python -m pip --python /venv/bin/python install --only-binary :all: --require-hashes -r /build/serve.txt
COPY pyproject.toml /app/
COPY sentiline /app/sentiline
COPY service /app/service
COPY models /app/models
# The root is read-only at run time: what is not compiled now would be compiled at every start.
RUN /venv/bin/python -m compileall -q /app

FROM ${BASE}
LABEL org.opencontainers.image.title="Sentiline" \
      org.opencontainers.image.description="Sentiment of a text and at every token of it, over HTTP" \
      org.opencontainers.image.licenses="MIT"
# What the base brings to install packages with; nothing here needs it any more.
RUN find / -xdev \( -path '*/bin/pip*' -o -path '*/bin/wheel*' -o -path '*/python3*/ensurepip' \
    -o -path '*-packages/pip*' -o -path '*-packages/setuptools*' -o -path '*-packages/pkg_resources' \
    -o -path '*-packages/_distutils_hack' -o -path '*-packages/distutils-precedence.pth' \
    -o -path '*-packages/wheel*' -o -path '*/share/python-wheels' \) -prune -exec rm -rf {} +
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BENTOML_HOME=/tmp/bentoml \
    BENTOML_DO_NOT_TRACK=true \
    ORT_DISABLE_TELEMETRY=1 \
    SENTILINE_HOST=0.0.0.0 \
    SENTILINE_PORT=3000
WORKDIR /app
# A number, so that Kubernetes can see that it is not root; it owns nothing.
USER 10001:10001
EXPOSE 3000
# Not urllib, which would ask a proxy that the environment names.
HEALTHCHECK --interval=15s --timeout=4s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import http.client, os; ask = http.client.HTTPConnection('127.0.0.1', int(os.environ['SENTILINE_PORT']), timeout=3); ask.request('GET', '/readyz'); raise SystemExit(ask.getresponse().status != 200)"]
# No shell in between: the server is process 1 and gets SIGTERM itself.
CMD ["python", "-m", "sentiline", "serve"]
