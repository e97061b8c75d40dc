# The image of the bank: the server and the `tallystick` command, on Node without a shell.
#
#   docker build -t tallystick .
#   docker run tallystick                                        the server
#   docker run tallystick server/src/cli/main.ts migrate         the command
#
# Node runs the TypeScript sources as they are, so that nothing is compiled. What is installed is
# the same for every platform (bcrypt brings its builds for all of them): the first stage runs on
# the platform of the builder, and arm64 needs no emulation.

FROM --platform=$BUILDPLATFORM node:24.21.0-trixie-slim@sha256:8ec5d7557396cfe32d21c3f9c13072355ceab22b584578ca4bb28af31120cffe AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY server/package.json server/
# --omit=optional leaves out the embedded PostgreSQL and npm's Node, which this image does not need,
# and no package may run a script.
RUN --mount=type=cache,target=/root/.npm \
    npm ci --workspace=server --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund
COPY server/migrations server/migrations
COPY server/src server/src

FROM gcr.io/distroless/nodejs24-debian13:nonroot@sha256:9eeb7f5887d0e239e78264b06f7f11d2e14be534050481803a9e4728fcdd278e
LABEL org.opencontainers.image.title="tallystick" \
      org.opencontainers.image.description="A banking API server" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1 \
    SERVER_ADDRESS=0.0.0.0:8080 \
    METRICS_ADDRESS=0.0.0.0:9090 \
    LOG_FORMAT=json
WORKDIR /app
# Owned by root: the process that runs here cannot change its own program.
COPY LICENSE ./
COPY --from=build /app ./
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/nodejs/bin/node"]
# The words about its memory are those of `npm start`.
CMD ["--no-allocation-site-pretenuring", "--initial-old-space-size=112", "--max-semi-space-size=32", "--max-old-space-size=512", "server/src/main.ts"]
