import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { edges } from './edge-compositions.ts'
import { gateways } from './gateway-compositions.ts'
import { bare, type Composition, checked, unchecked, usual } from './http-compositions.ts'
import { refusals } from './refusal-compositions.ts'
import { stdio } from './stdio-compositions.ts'
import { watched } from './watch-compositions.ts'

// Servers to be measured, each on a port, in a process of their own. Their names and settings are the arguments; a message on
// the process channel asks what they have used so far.

export interface ServerReport {
  /** Microseconds of CPU since the process started, all its threads together. */
  cpu: number
  /** Bytes in use after a full collection; 0 when none was asked for. */
  heap: number
}

const compositions: Record<string, Composition> = {
  bare,
  checked,
  unchecked,
  usual,
  ...edges,
  ...refusals,
  ...stdio,
  ...gateways,
  ...watched,
}
const [names = '', settings = ''] = process.argv.slice(2)
const ports: number[] = []
for (const name of names.split(',')) {
  const compose = compositions[name]
  if (!compose) throw new Error(`there is no server ${name}`)
  const listener = await compose(JSON.parse(settings))
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ports.push((server.address() as AddressInfo).port)
}
process.send?.({ ports })

process.on('message', ({ collect }: { collect: boolean }) => {
  const { user, system } = process.cpuUsage()
  if (collect) globalThis.gc?.()
  const report: ServerReport = { cpu: user + system, heap: collect ? process.memoryUsage().heapUsed : 0 }
  process.send?.(report)
})
process.on('disconnect', () => process.exit())
