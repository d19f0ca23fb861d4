# syntax=docker/dockerfile:1
# docker build -t recon .
# docker run --rm -v "$PWD":/project recon doctor

FROM rust:1.94-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs rustfmt.toml clippy.toml README.md LICENSE LICENSE-MIT LICENSE-APACHE ./
COPY src src
COPY schemas schemas
COPY fixtures fixtures
COPY benches benches
COPY examples examples
RUN cargo build --release --locked --bin recon

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home recon
COPY --from=build /src/target/release/recon /usr/local/bin/recon
COPY --from=build /src/LICENSE-MIT /src/LICENSE-APACHE /usr/share/doc/recon/
USER recon
# The project's folder is mounted here; it must be writable where the ledger is a SQLite file or decisions go to files.
WORKDIR /project
ENTRYPOINT ["recon"]
CMD ["--help"]
