# Tutti in a container: Node runs the sources as they are; what browsers run of them, the console, is bundled, and so are packages of many files. PostgreSQL lies elsewhere: set DATABASE_URL or DATABASE_URL_FILE.
FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The embedded PostgreSQL and the Node of the development dependencies stay out; no install script runs.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24.21.0-bookworm-slim AS bundles
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The bundler and what it bundles are development dependencies; no install script runs.
RUN npm ci --ignore-scripts
COPY core ./core
COPY scripts ./scripts
RUN node scripts/image.ts

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production \
    TUTTI_PROFILE=production \
    TUTTI_HOST=0.0.0.0 \
    TUTTI_PORT=4884 \
    TUTTI_DATA=/data \
    NODE_COMPILE_CACHE=/tmp/node-compile-cache
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY . .
COPY --from=bundles /app/core/service/console/built ./core/service/console/built
COPY --from=bundles /app/bin/bundles ./bin/bundles
# A number, so that an orchestrator can see that it is not root.
RUN install --directory --owner=10001 --group=10001 --mode=0700 /data
USER 10001:10001
VOLUME /data
EXPOSE 4884
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.TUTTI_PORT}/livez`).then(({ok}) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/tutti.mjs"]
CMD ["serve"]
