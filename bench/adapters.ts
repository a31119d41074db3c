import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { auth0 } from '../adapters/auth0/index.ts'
import { azure } from '../adapters/azure/index.ts'
import { oidc } from '../adapters/oidc/index.ts'
import { okta } from '../adapters/okta/index.ts'
import { createAuth0Emulator } from '../emulators/auth0.ts'
import { createAzureEmulator } from '../emulators/azure.ts'
import { createOidcEmulator } from '../emulators/oidc.ts'
import { createOktaEmulator } from '../emulators/okta.ts'
import type { Adapter } from '../src/adapter.ts'
import { createJwtValidator } from '../src/engines/jwt.ts'
import type { TokenValidator } from '../src/token-validator.ts'
import type { MemoryReport } from './adapters-memory.ts'
import type { BenchSection, Measurement } from './report.ts'
import { ratio } from './report.ts'
import { type Candidate, measure } from './rounds.ts'

const RESOURCE = 'https://mcp.example.com/mcp'
const REPEATS = 400
const CACHED_REPEATS = 10_000
const ROUNDS = 21
const CACHED_TOKENS = 100_000

interface Emulated {
  readonly fetch: typeof fetch
  mint(): Promise<string>
}

interface Subject {
  name: string
  adapter: Adapter
  options: Record<string, unknown>
  emulator: Emulated
}

const AUTH0 = 'https://tenant.eu.auth0.com'
const OKTA = 'https://acme.okta.com'
const LOGIN = 'https://login.microsoftonline.com'
const OIDC = 'https://issuer.example'

function subjects(): Subject[] {
  const entra = createAzureEmulator({ origin: LOGIN, api: { appIdUri: RESOURCE } })
  return [
    {
      name: 'auth0',
      adapter: auth0,
      options: { adapter: 'auth0', metadataUrl: `${AUTH0}/` },
      emulator: createAuth0Emulator({ origin: AUTH0, apis: [{ identifier: RESOURCE, scopes: ['notes:read'] }] }),
    },
    {
      name: 'okta',
      adapter: okta,
      options: { adapter: 'okta', metadataUrl: `${OKTA}/oauth2/default` },
      emulator: createOktaEmulator({ origin: OKTA }),
    },
    {
      name: 'azure',
      adapter: azure,
      options: {
        adapter: 'azure',
        metadataUrl: `${LOGIN}/${entra.tenants[0]?.id}/v2.0`,
        clientId: entra.api.clientId,
        appIdUri: RESOURCE,
      },
      emulator: entra,
    },
    {
      name: 'oidc',
      adapter: oidc,
      options: { adapter: 'oidc', metadataUrl: OIDC, types: ['at+jwt'] },
      emulator: createOidcEmulator({ origin: OIDC }),
    },
  ]
}

/** What adapters add to their engine, what a cached token weighs, and what the start of a server costs. */
export async function run(): Promise<BenchSection> {
  const [uncached, cached]: [Candidate[], Candidate[]] = [[], []]
  for (const subject of subjects()) {
    uncached.push(...(await candidates(subject, { cacheSeconds: 0, repeats: REPEATS })))
    cached.push(...(await candidates(subject, { cacheSeconds: 3600, repeats: CACHED_REPEATS })))
  }
  const measured = await measure(uncached, { rounds: ROUNDS, warmUps: 4, unit: 'µs CPU per uncached validation' })
  const measuredCached = await measure(cached, { rounds: ROUNDS, warmUps: 4, unit: 'µs CPU per cached validation' })
  const compare = (name: string, of: ReadonlyMap<string, Measurement>) => {
    const [adapter, engine] = [of.get(name), of.get(`${name}: engine alone`)]
    return adapter && engine ? ratio(adapter, engine) : Number.NaN
  }
  const names = subjects().map(({ name }) => name)
  const memory = await weigh()
  const startUp = await startUpSeconds()
  return {
    title: 'adapters: what they add to their engine',
    method: `CPU of the process, ${ROUNDS} rounds of ${REPEATS} validations (${CACHED_REPEATS} cached ones); ${CACHED_TOKENS} cached tokens; start to first accepted request.`,
    measurements: [...measured.values(), ...measuredCached.values()],
    targets: [
      ...names.map(name => ({ name: `${name} / engine`, actual: compare(name, measured), limit: 1.03 })),
      ...names.map(name => ({ name: `${name} / engine, cached`, actual: compare(name, measuredCached), limit: 1.03 })),
      { name: 'heap per cached token, KB', actual: memory.heap / 1024, limit: 1.5 },
      { name: 'resident per cached token, KB', actual: memory.resident / 1024, limit: 1.5 },
      { name: 'start to first accepted request, seconds of CPU', actual: startUp, limit: 1 },
    ],
  }
}

/** The adapter, and the engine with the bare rules, on one token: remembered, or with `cacheSeconds: 0` never. */
async function candidates(
  { name, adapter, options, emulator }: Subject,
  { cacheSeconds, repeats }: { cacheSeconds: number; repeats: number },
): Promise<Candidate[]> {
  const token = await emulator.mint()
  const [header, claims] = token
    .split('.', 2)
    .map(part => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>)
  const context = {
    resource: RESOURCE,
    fetch: emulator.fetch,
    now: Date.now,
    cacheSeconds,
    refusedCacheSeconds: 0,
    secret: () => '',
  }
  const audience = [claims?.aud].flat().map(String) as [string, ...string[]]
  const validators: [string, TokenValidator][] = [
    [name, adapter.create(adapter.options.parse(options), context)],
    [
      `${name}: engine alone`,
      createJwtValidator(
        {
          issuer: String(claims?.iss),
          audience: { audience },
          types: typeof header?.typ === 'string' ? [header.typ] : null,
          clientId: found => found.client_id ?? found.azp ?? found.cid,
        },
        context,
      ),
    ],
  ]
  const tokens = Array.from({ length: repeats }, () => token)
  return validators.map(([label, validator]) => ({
    name: label,
    prepare: () => tokens,
    async run(list) {
      for (const text of list) await validator.validate(text)
    },
  }))
}

async function weigh(): Promise<MemoryReport> {
  const child = fork(new URL('./adapters-memory.ts', import.meta.url), [String(CACHED_TOKENS)], {
    execArgv: ['--expose-gc'],
  })
  const [report] = (await once(child, 'message')) as [MemoryReport]
  return report
}

/** CPU seconds of `npm start` with Auth0's emulator beside it, until a request with a token is served. Linux only. */
async function startUpSeconds(): Promise<number> {
  const port = await freePort()
  const resource = `http://localhost:${port}/mcp`
  const emulator = createAuth0Emulator({ apis: [{ identifier: resource, scopes: ['notes:read'] }] })
  const address = await emulator.start()
  const token = await emulator.mint()
  const server = spawn(process.execPath, [new URL('../app/main.ts', import.meta.url).pathname], {
    env: { PATH: process.env.PATH, AUTH_PROVIDER: 'auth0', AUTH_METADATA_URL: `${address}/`, PORT: String(port) },
    stdio: 'ignore',
  })
  try {
    const deadline = Date.now() + 20_000
    while (!(await isServed(resource, token))) {
      if (Date.now() > deadline) throw new Error('the server did not serve within 20 seconds')
      await delay(20)
    }
    return cpuSeconds(server)
  } finally {
    server.kill('SIGKILL')
    await emulator.close()
  }
}

async function isServed(resource: string, token: string): Promise<boolean> {
  const response = await fetch(resource, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
    }),
  }).catch(() => undefined)
  await response?.text()
  return response?.status === 200
}

/** User and system time of a process so far. The kernel counts in hundredths of a second. */
function cpuSeconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
