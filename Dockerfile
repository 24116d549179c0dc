# syntax=docker/dockerfile:1
# docker build --tag atelier --build-arg BUILD_COMMIT="$(git rev-parse HEAD)" .

# Alpine's target is musl, so the program is static.
FROM docker.io/library/rust:1.95-alpine AS build
RUN apk add --no-cache build-base linux-headers
WORKDIR /src
COPY . .
ARG BUILD_COMMIT
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked --bin atelier \
    && install -D target/dist/atelier /image/usr/bin/atelier \
    # Any user may be the one that runs it: the program makes a directory of its own in it.
    && install -d -m 1777 /image/var/lib/atelier

# It has root certificates, /tmp, and the user nonroot (65532); no shell and no libc.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /image/ /
USER 65532:65532
ENV ATELIER_DATA_DIR=/var/lib/atelier/data \
    ATELIER_LISTEN=0.0.0.0:8787
VOLUME /var/lib/atelier
EXPOSE 8787
# An upgrade of a large data file comes before the server answers.
HEALTHCHECK --interval=30s --timeout=6s --start-period=2m CMD ["/usr/bin/atelier", "health"]
ENTRYPOINT ["/usr/bin/atelier"]
CMD ["serve"]
