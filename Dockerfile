# The runnable server. The image holds the built JavaScript and its runtime dependencies only.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
EXPOSE 3232
HEALTHCHECK --interval=10s --timeout=3s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3232}/health`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Started directly, not by npm: signals then reach the server, which finishes requests in flight.
CMD ["node", "dist/app/main.js"]
