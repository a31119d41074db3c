// Loaded where AUTH_WATCH is set, and nowhere else.
import { createHash } from 'node:crypto'
import type { LoadedWatch } from '../watching.ts'
import { watchServer } from './authorization-server.ts'
import { type AuthorizationServerHello, type ResourceHello, WATCH_FORMAT } from './records.ts'
import { type Numbers, watchResource } from './resource.ts'
import { createWriter } from './writer.ts'

const connections = new WeakMap<object, number>()
let lastConnection = 0
let lastCaller = 0
const numbers: Numbers = {
  connections(connection) {
    const known = connections.get(connection) ?? ++lastConnection
    connections.set(connection, known)
    return known
  },
  callers: () => ++lastCaller,
}

/** @param onProblem - Told why nothing is written, once for each cause. */
export function open(path: string, onProblem: (problem: string) => void): LoadedWatch {
  const writer = createWriter({ path, onProblem })
  const { pid } = globalThis.process
  const closing: (() => void)[] = []
  return {
    resource(facts) {
      const { resource, name, ownIssuer } = facts
      writer.greet({
        type: 'resource',
        format: WATCH_FORMAT,
        pid,
        resource,
        name,
        ...(ownIssuer !== undefined && { own_issuer: ownIssuer }),
      } satisfies ResourceHello)
      const watch = watchResource(facts, writer, numbers)
      closing.push(watch.close)
      return watch
    },
    server({ demoIssuer: issuer, settings }) {
      writer.greet({
        type: 'authorization_server',
        format: WATCH_FORMAT,
        pid,
        issuer,
        registers: settings.REGISTRATION === 'on',
        reads_documents: settings.CIMD === 'on',
      } satisfies AuthorizationServerHello)
      return watchServer({ issuer, trustedProxies: settings.TRUSTED_PROXIES, digest }, writer, numbers)
    },
    close() {
      for (const close of closing) close()
      writer.close()
    },
  }
}

/** Of what cannot be guessed, so that it cannot be found out again. */
const digest = (text: string) => createHash('sha256').update(`idplug watch ${text}`).digest('hex').slice(0, 16)
