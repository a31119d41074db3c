import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Client } from 'undici'
import { CONNECTIONS, type MeasuredServer, modernRequest, startIssuer } from './http-load.ts'
import { documented, freePort, startNginx } from './nginx.ts'
import { measurePaired } from './paired.ts'
import { type BenchSection, ratio } from './report.ts'

const ROUNDS = 40
const REQUESTS_PER_ROUND = 2_000
const MOST = 1.1

/** What `idplug forward-auth` costs behind nginx, beyond a server that always says yes to `auth_request`. */
export async function run(): Promise<BenchSection> {
  const issuer = await startIssuer()
  const [target, asked] = [serverProcess('target'), serverProcess('yes,forward-auth', JSON.stringify(issuer.settings))]
  const [targetPort = 0] = await portsOf(target)
  const [yes = 0, forwardAuth = 0] = await portsOf(asked)
  const nginx = await startAsking(targetPort, [yes, forwardAuth])
  const measured = (index: number): MeasuredServer => {
    const url = `http://127.0.0.1:${nginx.ports[index]}`
    const connections = Array.from({ length: CONNECTIONS }, () => new Client(url))
    return {
      url,
      connection: client => connections[client % CONNECTIONS] as Client,
      async report() {
        asked.send({})
        const [{ cpu }] = (await once(asked, 'message')) as [{ cpu: number }]
        return { cpu: cpu + nginx.cpu(), heap: 0 }
      },
      stop: async () => void (await Promise.all(connections.map(connection => connection.close()))),
    }
  }
  const servers = [measured(0), measured(1)]
  const requests = issuer.tokens.map(modernRequest)
  const expected = { status: 200, text: 'result' }
  const names = ['a server that always says yes', 'idplug forward-auth, scopes checked by headers']
  const [base, ours] = await measurePaired(
    servers.map((server, index) => ({ name: names[index] as string, server, requests, expected })),
    { rounds: ROUNDS, requests: REQUESTS_PER_ROUND },
  )
  for (const server of servers) await server.stop()
  await nginx.stop()
  for (const child of [target, asked]) child.disconnect()
  issuer.close()
  if (!base || !ours) throw new Error('nothing was measured')
  return {
    title: 'forward auth: tools/call through nginx with auth_request',
    method: `CPU of nginx and of the server that it asks, together, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${REQUESTS_PER_ROUND}.`,
    measurements: [base, ours],
    targets: [{ name: 'forward-auth / always yes', actual: ratio(ours, base), limit: MOST }],
  }
}

function serverProcess(...args: string[]): ChildProcess {
  return fork(new URL('./forward-auth-server.ts', import.meta.url), args)
}

async function portsOf(child: ChildProcess): Promise<readonly number[]> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('a server of the bench has ended')
  })
  ended.catch(() => {})
  const [{ ports }] = (await Promise.race([once(child, 'message'), ended])) as [{ ports: number[] }]
  return ports
}

/** The documented configuration, once for each server that it asks. */
async function startAsking(target: number, asked: readonly number[]) {
  const ports = await Promise.all(asked.map(freePort))
  const [shared = '', ...rest] = documented('nginx.conf').split(/^ {2}(?=server \{)/m)
  const upstreams = shared.replaceAll('127.0.0.1:8000', `127.0.0.1:${target}`)
  const [, idplug = ''] = /( {2}upstream idplug \{.*?^ {2}\}\n)/ms.exec(upstreams) ?? []
  const blocks = asked.map((port, index) => {
    const upstream = idplug
      .replace('upstream idplug', `upstream idplug${index}`)
      .replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`)
    const server = rest.join('').replaceAll('http://idplug', `http://idplug${index}`)
    return upstream + server.replace('listen 8080', `listen ${ports[index]}`)
  })
  const nginx = await startNginx(`${upstreams.replace(idplug, '')}${blocks.join('\n')}`)
  return { ...nginx, ports }
}
