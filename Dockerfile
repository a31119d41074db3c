# The runnable server. The image holds the two packages as they are published, and their runtime dependencies only.
# Not built by the tests, which have no Docker: what they install is test/package/install.test.ts.
FROM node:24-slim AS build
WORKDIR /source
COPY . .
RUN npm ci && npm run build && mkdir /packed && npm pack --pack-destination /packed ./dist/idplug ./dist/server
WORKDIR /app
RUN npm init --yes > /dev/null && npm install --omit=dev /packed/*.tgz

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
USER node
EXPOSE 3232
HEALTHCHECK --interval=10s --timeout=3s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3232}/health`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Started directly, not by npm: signals then reach the server, which finishes requests in flight.
CMD ["node", "node_modules/idplug/bin/idplug.cjs"]
