import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { migrateStore, openStores, type StorePlace } from '../../demo-as/stores/open.ts'
import { freePort } from '../support/http.ts'
import { selfSigned } from '../support/https.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { command, type RedisServer, startRedis } from '../support/redis.ts'

const folder = mkdtempSync(join(tmpdir(), 'certificates-'))
const [key, caFile, otherFile] = ['key', 'certificate', 'other'].map(name => join(folder, `${name}.pem`)) as [
  string,
  string,
  string,
]
let redis: RedisServer
let redisPort: number
let postgres: PostgresServer
let secured: string

beforeAll(async () => {
  const made = selfSigned('localhost')
  writeFileSync(key, made.key, { mode: 0o600 })
  writeFileSync(caFile, made.cert)
  writeFileSync(otherFile, selfSigned('localhost').cert)
  redisPort = await freePort()
  const tls = ['--tls-port', String(redisPort), '--tls-auth-clients', 'no']
  redis = await startRedis([...tls, '--tls-cert-file', caFile, '--tls-key-file', key, '--tls-ca-cert-file', caFile])
  chmodSync(folder, 0o755)
  // PostgreSQL takes a key of its own user only.
  if (userInfo().uid === 0) execFileSync('chown', ['postgres', key])
  postgres = await startPostgres(['-c', 'ssl=on', '-c', `ssl_cert_file=${caFile}`, '-c', `ssl_key_file=${key}`])
  await migrateStore({ kind: 'postgres', url: postgres.url })
  secured = `${postgres.url.replace('127.0.0.1', 'localhost')}?sslmode=verify-full`
})
afterAll(async () => {
  await redis?.stop()
  await postgres?.stop()
})

const onRedis = (host = 'localhost', port = redisPort) =>
  ({ kind: 'redis', url: `rediss://${host}:${port}`, prefix: 'tls' }) as const
const onPostgres = (url = secured) => ({ kind: 'postgres', url }) as const

async function works(place: StorePlace): Promise<void> {
  const { stores, close } = await openStores(place)
  await stores('codes').set('a', 1, 60)
  expect(await stores('codes').take('a')).toBe(1)
  await close()
}

/** @returns Why the store is refused at the start. */
const refusalOf = (place: StorePlace) =>
  openStores(place).then(
    async ({ close }) => {
      await close()
      return 'it is not refused'
    },
    ({ error_detail: detail, message }) => String(detail ?? message),
  )

const TRUST = 'name the authority that signed it in AUTH_CA_FILE or NODE_EXTRA_CA_CERTS'

describe('a Redis with TLS', () => {
  it('is a store, with its authority in a file', () => works({ ...onRedis(), caFile }))

  it('is refused with a certificate that nobody trusts', async () => {
    expect(await refusalOf(onRedis())).toContain(TRUST)
    expect(await refusalOf({ ...onRedis(), caFile: otherFile })).toContain(TRUST)
  })

  it('is asked once when nobody trusts its certificate, and not until time is up', async () => {
    let connections = 0
    const port = await freePort()
    const server = createServer(selfSigned('localhost'))
    server.on('connection', () => connections++)
    onTestFinished(() => void server.close())
    await once(server.listen(port, 'localhost'), 'listening')
    expect(await refusalOf(onRedis('localhost', port))).toContain(TRUST)
    expect(connections).toBe(1)
  })

  it('is refused under another host name', async () => {
    expect(await refusalOf({ ...onRedis('127.0.0.1'), caFile })).toContain('for another host name')
  })

  it('is refused when one of the two speaks no TLS', async () => {
    expect(await refusalOf({ ...onRedis('localhost', redis.port), caFile })).toContain('does it speak TLS')
    const url = `redis://localhost:${redisPort}`
    expect(await refusalOf({ kind: 'redis', url, prefix: 'tls' })).toContain('write rediss://')
  })
})

describe('several Redis with TLS', () => {
  const started: RedisServer[] = []
  afterAll(async () => void (await Promise.all(started.map(server => server.stop()))))
  /** It speaks nothing but TLS, also with its like. */
  async function secure(options: readonly string[], file?: string): Promise<number> {
    const port = await freePort()
    const files = ['--tls-cert-file', caFile, '--tls-key-file', key, '--tls-ca-cert-file', caFile]
    const tls = ['--tls-port', String(port), '--tls-auth-clients', 'no', '--tls-replication', 'yes', ...files]
    started.push(await startRedis([...tls, ...options], file))
    return port
  }

  it('are a store as a cluster whose nodes have names, and refused with a certificate that nobody trusts', async () => {
    const bus = String(await freePort())
    const named = ['--cluster-announce-hostname', 'localhost', '--cluster-preferred-endpoint-type', 'hostname']
    const cluster = ['--cluster-enabled', 'yes', '--cluster-port', bus, '--tls-cluster', 'yes', ...named]
    const port = await secure(cluster)
    const { port: plainPort } = started.at(-1) as RedisServer
    await command(plainPort, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await vi.waitUntil(async () => (await command(plainPort, 'CLUSTER', 'INFO')).includes('cluster_state:ok'))
    const place = { kind: 'redis', url: `rediss+cluster://localhost:${port}`, prefix: 'tls' } as const
    await works({ ...place, caFile })
    expect(await refusalOf(place)).toContain(TRUST)
  })

  it('are a store with Sentinels that know the servers by name, and refused likewise', async () => {
    const primary = await secure([])
    const file = join(folder, 'sentinel.conf')
    const lines = ['resolve-hostnames yes', 'announce-hostnames yes', `monitor store localhost ${primary} 1`]
    writeFileSync(file, lines.map(line => `sentinel ${line}\n`).join(''))
    const sentinel = await secure(['--sentinel'], file)
    const place = { kind: 'redis', url: `rediss+sentinel://localhost:${sentinel}/store`, prefix: 'tls' } as const
    await works({ ...place, caFile })
    expect(await refusalOf(place)).toContain(TRUST)
  })
})

describe('a PostgreSQL with TLS', () => {
  it.each(['verify-full', 'require'])(
    'is a store with sslmode=%s and its authority in a file, and what is said is encrypted',
    async mode => {
      const { stores, close } = await openStores({ ...onPostgres(secured.replace('verify-full', mode)), caFile })
      await stores('codes').set('a', 1, 60)
      const connections =
        "SELECT ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE application_name = 'idplug'"
      expect(new Set((await postgres.query(connections)).map(({ ssl }) => ssl))).toEqual(new Set([true]))
      await close()
    },
  )

  it('is a store with its authority in sslrootcert, whatever else is trusted', async () => {
    await works({ ...onPostgres(`${secured}&sslrootcert=${encodeURIComponent(caFile)}`), caFile: otherFile })
  })

  it('gets its tables over TLS', async () => {
    expect(await migrateStore({ ...onPostgres(), caFile })).toMatchObject({ from: 1 })
  })

  it('is refused with a certificate that nobody trusts', async () => {
    expect(await refusalOf(onPostgres())).toContain(TRUST)
    expect(await refusalOf({ ...onPostgres(), caFile: otherFile })).toContain(TRUST)
  })

  it('is refused under another host name', async () => {
    const url = secured.replace('localhost', '127.0.0.1')
    expect(await refusalOf({ ...onPostgres(url), caFile })).toContain('for another host name')
  })

  it('is refused when it does not speak TLS', async () => {
    const plain = await startPostgres()
    const url = `${plain.url.replace('127.0.0.1', 'localhost')}?sslmode=verify-full`
    expect(await refusalOf({ ...onPostgres(url), caFile })).toContain('does not support SSL')
    await plain.stop()
  })
})
