import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'undici'
import { CONNECTIONS, type MeasuredServer, modernRequest, startIssuer } from './http-load.ts'
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
  const nginx = await startNginx(targetPort, [yes, forwardAuth])
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

/** One worker, with the documented configuration once for each server that it asks. */
async function startNginx(target: number, asked: readonly number[]) {
  const folder = mkdtempSync(join(tmpdir(), 'idplug-bench-'))
  const ports = await Promise.all(asked.map(freePort))
  const documented = readFileSync(new URL('../docs/proxies/nginx.conf', import.meta.url), 'utf8')
  const [, inner = ''] = /^http \{\n(.*)^\}/ms.exec(documented) ?? []
  const [shared = '', ...rest] = inner.split(/^ {2}(?=server \{)/m)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${name};`)
  const upstreams = shared.replaceAll('127.0.0.1:8000', `127.0.0.1:${target}`)
  const [, idplug = ''] = /( {2}upstream idplug \{.*?^ {2}\}\n)/ms.exec(upstreams) ?? []
  const blocks = asked.map((port, index) => {
    const upstream = idplug
      .replace('upstream idplug', `upstream idplug${index}`)
      .replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`)
    const server = rest.join('').replaceAll('http://idplug', `http://idplug${index}`)
    return upstream + server.replace('listen 8080', `listen ${ports[index]}`)
  })
  writeFileSync(
    join(folder, 'nginx.conf'),
    `worker_processes 1;\nevents {}\nhttp {\n${temporary.join('\n')}\naccess_log off; keepalive_requests 1000000;\n${upstreams.replace(idplug, '')}${blocks.join('\n')}}\n`,
  )
  const args = ['-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off; pid nginx.pid;']
  const child = spawn('nginx', args, {
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const worker = await workerOf(child)
  return {
    ports,
    /** Microseconds. */
    cpu: () => Number(readFileSync(`/proc/${worker}/schedstat`, 'utf8').split(' ')[0]) / 1000,
    async stop() {
      child.kill('SIGTERM')
      await once(child, 'close')
      rmSync(folder, { recursive: true })
    },
  }
}

async function workerOf({ pid }: ChildProcess): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const [worker] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    if (worker) return worker
    await wait(20)
  }
  throw new Error('nginx has not started: apt-get install nginx-light')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
