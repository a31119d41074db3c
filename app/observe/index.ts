// `@idplug/server/observe`: what an operator's tools read, for the `observer` of createAuth.
export { createLogger, jsonLines, type LogLevel } from './log.ts'
export { type Prometheus, prometheus } from './metrics.ts'
