import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { knownNames } from '../../config/known-names.ts'
import { loadConfiguration } from '../../config/load.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

const root = new URL('../../', import.meta.url)
const folder = new URL('docs/examples/compose/', root)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

interface Service {
  build?: { context: string } | string
  image?: string
  command?: string[]
  environment?: Record<string, string | number>
  healthcheck?: { test: string[] }
  ports?: string[]
  secrets?: string[]
  stop_grace_period?: string
  depends_on?: Record<string, { condition: string }>
  read_only?: boolean
}
interface Compose {
  services: Record<string, Service>
  secrets?: Record<string, { file: string }>
}

/** Files that are used together. */
const sets = [['library.yaml'], ['bridge.yaml', 'redis.yaml'], ['bridge.yaml', 'postgres.yaml']]
const names = readdirSync(folder).filter(name => name.endsWith('.yaml'))
const parsed = (name: string) => parse(readFileSync(new URL(name, folder), 'utf8'), { merge: true }) as Compose

/** As `docker compose -f … -f …` merges them, as far as they use it. */
function composed(set: readonly string[]): Compose {
  const services: Compose['services'] = {}
  const secrets = {}
  for (const file of set.map(parsed)) {
    Object.assign(secrets, file.secrets)
    for (const [name, next] of Object.entries(file.services)) {
      const before = services[name] ?? {}
      services[name] = {
        ...before,
        ...next,
        environment: { ...before.environment, ...next.environment },
        secrets: [...(before.secrets ?? []), ...(next.secrets ?? [])],
        depends_on: { ...before.depends_on, ...next.depends_on },
      }
    }
  }
  return { services, secrets }
}

const services = sets.flatMap(set =>
  Object.entries(composed(set).services).map(([service, definition]) => ({
    set,
    name: set.join(' and '),
    service,
    definition,
  })),
)

it('every file is part of a set', () => {
  expect(names.toSorted()).toEqual([...new Set(sets.flat())].toSorted())
})

const ours = services.filter(({ definition }) => definition.build !== undefined)
const dockerfiles = ['Dockerfile', 'docs/examples/compose/server/Dockerfile']

/** The settings of a service as its process reads them, with secrets of the right form where files will hold them. */
function environmentOf({ environment = {} }: Service): Record<string, string> {
  const secrets = temporaryFolder()
  const entries = Object.entries(environment).map(([name, value]) => {
    if (!String(value).startsWith('/run/secrets/')) return [name, String(value)]
    const file = join(secrets, name)
    writeFileSync(
      file,
      name === 'DATABASE_URL_FILE' ? 'postgres://u:p@postgres/idplug' : randomBytes(32).toString('base64'),
    )
    return [name, file]
  })
  return { NODE_ENV: 'production', ...Object.fromEntries(entries) }
}

describe.each(ours)('$service of $name', ({ set, service, definition }) => {
  it('sets only settings that there are', () => {
    const env = environmentOf(definition)
    const { read } = knownNames(env)
    const unknown = Object.keys(env).filter(setting => !read.has(setting) && !read.has(setting.replace(/_FILE$/, '')))
    expect(unknown.filter(setting => setting !== 'NODE_ENV')).toEqual([])
  })

  it('has settings that it starts with in production', () => {
    const files = { ...JSON.parse(read('docs/examples/compose/files.json')) }
    const isAuthorizationServer = service === 'bridge'
    const load = () =>
      loadConfiguration(environmentOf(definition), {
        resources: { files },
        isAuthorizationServer,
        isLibrary: !isAuthorizationServer,
      })
    expect(
      load()
        .warnings.map(({ setting }) => setting)
        .filter(setting => setting !== 'AUTH_INSECURE_HOSTS'),
    ).toEqual([])
  })

  it('reads secrets from files that the compose file mounts', () => {
    const mounted = Object.values(definition.environment ?? {})
      .map(String)
      .flatMap(value => (value.startsWith('/run/secrets/') ? [value.slice('/run/secrets/'.length)] : []))
    expect(mounted.toSorted()).toEqual((definition.secrets ?? []).toSorted())
    for (const secret of mounted) expect(Object.keys(composed(set).secrets ?? {})).toContain(secret)
    const plain = Object.keys(definition.environment ?? {}).filter(setting => /_SECRET$|_KEYS$|_TOKEN$/.test(setting))
    expect(plain).toEqual([])
  })

  it('is published to this machine only, where a proxy with a certificate stands, and cannot write', () => {
    const ports = definition.ports ?? []
    expect(ports.filter(port => !/^127\.0\.0\.1:/.test(port))).toEqual([])
    expect(ports.join()).not.toContain(String(definition.environment?.METRICS_PORT))
    expect(definition.read_only).toBe(true)
  })

  it('has the time to stop that it needs', () => {
    if (service !== 'bridge') return
    expect(definition.stop_grace_period).toBe('20s')
    expect(definition.healthcheck?.test.slice(0, 2)).toEqual(['CMD', 'node'])
  })

  it('waits for services that there are', () => {
    for (const other of Object.keys(definition.depends_on ?? {})) {
      expect(Object.keys(composed(set).services)).toContain(other)
    }
  })
})

it.each(services.filter(({ definition }) => definition.image !== undefined))(
  '$service of $name is not published, and says when it is ready',
  ({ definition }) => {
    expect(definition.ports).toBeUndefined()
    expect(definition.healthcheck?.test[0]).toMatch(/^CMD/)
  },
)

it.each(['compose.yaml', ...names.map(name => `docs/examples/compose/${name}`), ...dockerfiles])(
  '%s says that it was not run',
  path => {
    expect(read(path).slice(0, 600)).toMatch(/Not (run|built) by the tests/)
  },
)

describe.each(dockerfiles)('%s', path => {
  const lines = read(path).replace(/\\\n/g, ' ').split('\n')
  const lastStage = lines.slice(lines.findLastIndex(line => line.startsWith('FROM ')))
  const instruction = (name: string) => lastStage.filter(line => line.startsWith(`${name} `))

  it('runs as a user without privileges', () => {
    expect(instruction('USER')).toEqual(['USER node'])
    const user = lastStage.indexOf('USER node')
    expect(lastStage.slice(user).filter(line => /^(RUN|COPY|ADD) /.test(line))).toEqual([])
  })

  it('starts Node directly, so that signals reach it', () => {
    const [command = '', ...others] = instruction('CMD')
    expect(others).toEqual([])
    const [program, script] = JSON.parse(command.slice('CMD '.length)) as string[]
    expect(program).toBe('node')
    expect(script).toMatch(/\.(c?js|ts)$/)
    expect(instruction('ENTRYPOINT')).toEqual([])
  })

  it('checks its health without a shell', () => {
    const [check = ''] = instruction('HEALTHCHECK')
    const command = JSON.parse(check.slice(check.indexOf('['))) as string[]
    expect(command.slice(0, 2)).toEqual(['node', '-e'])
    // Parses, and asks this machine alone.
    expect(() => new Function(command[2] ?? '')).not.toThrow()
    expect(command[2]).toContain('http://127.0.0.1:')
  })
})
