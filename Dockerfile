# Any image with Python 3.11 or newer. A digest is safer than a tag.
ARG BASE=python:3.13-slim-trixie
# An image with the same Python and ensurepip, if BASE has no ensurepip.
ARG BUILD_BASE=${BASE}

FROM ${BASE} AS base

FROM ${BUILD_BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_QUIET=1
WORKDIR /src
RUN python3 -m venv /build \
    && python3 -m venv --without-pip /sbom \
    && python3 -m venv --without-pip /opt/finetune-advisor
COPY requirements/*.txt requirements/
# The optional secret is a bundle of certificates, for a package index with a private authority.
RUN --mount=type=secret,id=ca \
    PIP_CERT="$(find /run/secrets/ca 2>/dev/null || true)" && export PIP_CERT \
    && /build/bin/pip install --require-hashes --only-binary :all: -r requirements/build.txt \
    && /build/bin/pip --python /sbom install --require-hashes --only-binary :all: -r requirements/sbom.txt \
    && /build/bin/pip --python /opt/finetune-advisor install --require-hashes --only-binary :all: \
        -r requirements/image.txt
COPY LICENSE README.md pyproject.toml ./
COPY service service
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /build/bin/pip --python /opt/finetune-advisor install --no-deps --no-index /wheels/*.whl
# The list of components has to name the packages of the base that is shipped, not of this stage.
COPY --from=base /var/lib/dpkg /base/var/lib/dpkg
COPY --from=base /etc/os-release /base/etc/os-release
RUN /sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
        --output-file python.cdx.json /opt/finetune-advisor \
    && /sbom/bin/debsbom generate --root /base --sbom-type cdx --out debian \
    && version="$(/opt/finetune-advisor/bin/python -c 'import finetune_advisor as it; print(it.__version__)')" \
    && /sbom/bin/debsbom merge --sbom-type cdx --distro-name finetune-advisor --distro-version "$version" \
        --out /opt/finetune-advisor/sbom python.cdx.json debian.cdx.json

FROM ${BASE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Finetune Advisor" \
      org.opencontainers.image.description="Answers over HTTP whether to fine-tune an LLM or do something cheaper first" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="https://github.com/finetune-advisor/finetune-advisor" \
      org.opencontainers.image.documentation="https://github.com/finetune-advisor/finetune-advisor/blob/main/docs/image.md" \
      org.opencontainers.image.licenses="Apache-2.0"
# Serving needs no package installer, and an attacker could use one.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/ensurepip /usr/local/lib/python3*/site-packages/pip*
COPY --from=build /opt/finetune-advisor /opt/finetune-advisor
ENV PATH=/opt/finetune-advisor/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    SOURCE_REVISION=${REVISION} \
    FINETUNE_ADVISOR_HOST=0.0.0.0 \
    FINETUNE_ADVISOR_WORKERS=1
EXPOSE 8080
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python3", "-m", "finetune_advisor.server.healthcheck"]
ENTRYPOINT ["finetune-advisor"]
CMD ["serve"]
