import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/config-error.ts'
import { selfSigned } from '../support/https.ts'

const dataFolder = '.idplug'
const direct = { AUTH_PROVIDER: 'auth0', AUTH_METADATA_URL: 'https://acme.eu.auth0.com' }
const bridge = {
  ...direct,
  AUTH_BRIDGE: 'on',
  BRIDGE_CLIENT_ID: 'id',
  BRIDGE_CLIENT_SECRET: 'secret',
  BRIDGE_ALLOW: 'everyone',
  BRIDGE_GRANT_SCOPES: 'notes:read',
}
const POSTGRES = 'postgres://db.example.com/idplug'
const REDIS = 'redis://redis.example.com'
const caFile = join(mkdtempSync(join(tmpdir(), 'authority-')), 'ca.pem')
writeFileSync(caFile, selfSigned('db.example.com').cert)

function problems(load: () => unknown): string[] {
  try {
    load()
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ setting, problem }) => `${setting} ${problem}`)
    throw error
  }
  return []
}

describe('where the state is kept', () => {
  it.each<[string, Record<string, string>, object]>([
    ['the demo: in a data folder', {}, { kind: 'sqlite', folder: '.idplug', file: 'demo.sqlite' }],
    ['a bridge: in another file of it', bridge, { kind: 'sqlite', folder: '.idplug', file: 'bridge.sqlite' }],
    ['a provider itself: in memory', direct, { kind: 'memory' }],
    [
      'a provider itself, with a folder',
      { ...direct, AUTH_DATA_DIR: '/data' },
      { kind: 'sqlite', folder: '/data', file: 'server.sqlite' },
    ],
    ['a server beside, elsewhere', { AUTH_MODE: 'separate' }, { kind: 'memory' }],
    ['as it was', { AUTH_STORE: 'memory' }, { kind: 'memory' }],
    ['Redis', { REDIS_URL: REDIS }, { kind: 'redis', url: REDIS, prefix: 'idplug' }],
    ['PostgreSQL', { DATABASE_URL: POSTGRES }, { kind: 'postgres', url: POSTGRES }],
    ['Redis with an authority', { REDIS_URL: REDIS, AUTH_CA_FILE: caFile }, { kind: 'redis', caFile }],
    ['PostgreSQL with one', { DATABASE_URL: POSTGRES, AUTH_CA_FILE: caFile }, { kind: 'postgres', caFile }],
    [
      'the one that is chosen of several',
      { DATABASE_URL: POSTGRES, REDIS_URL: REDIS, AUTH_STORE: 'postgres' },
      { kind: 'postgres' },
    ],
  ])('%s', (_name, env, store) => {
    expect(loadConfiguration(env, { dataFolder }).store).toMatchObject(store)
  })

  it.each<[string, Record<string, string>, object]>([
    ['in memory by default', {}, { kind: 'memory' }],
    ['not in the database of the server', { DATABASE_URL: 'mysql://db/app' }, { kind: 'memory' }],
    ['in it when that is wanted', { DATABASE_URL: POSTGRES, AUTH_STORE: 'postgres' }, { kind: 'postgres' }],
    ['in Redis', { REDIS_URL: REDIS, DATABASE_URL: POSTGRES }, { kind: 'redis' }],
  ])("in a server of the user's own: %s", (_name, env, store) => {
    const PUBLIC_URL = 'http://localhost:3000'
    expect(loadConfiguration({ ...env, PUBLIC_URL }, { isLibrary: true }).store).toMatchObject(store)
  })

  it.each<[string, Record<string, string>, string]>([
    [
      'two stores and no choice',
      { DATABASE_URL: POSTGRES, REDIS_URL: REDIS },
      'AUTH_STORE is not set, and REDIS_URL and DATABASE_URL are',
    ],
    ['a choice without an address', { AUTH_STORE: 'redis' }, 'REDIS_URL is not set, and AUTH_STORE=redis needs it'],
    [
      'another kind of database',
      { DATABASE_URL: 'mysql://db/app' },
      'DATABASE_URL must be a URL that starts with postgres://',
    ],
    ...['p#w', '1234#5', 'p/w', '12/34', 'p?w', '12?34'].map((password): [string, Record<string, string>, string] => [
      `a password that is not encoded (${password})`,
      { DATABASE_URL: `postgres://app:${password}@db.example.com/idplug` },
      'DATABASE_URL is not a URL of one host: in the user name and the password, write # / ? % @ : as %23',
    ]),
    [
      'two hosts of PostgreSQL',
      { DATABASE_URL: 'postgres://db1.example.com:5432,db2.example.com:5432/idplug' },
      'DATABASE_URL is not a URL of one host',
    ],
    [
      'a password of Redis that is not encoded',
      { REDIS_URL: 'redis://app:1234#5@redis.example.com' },
      'REDIS_URL must be a URL such as redis://host',
    ],
    [
      'Sentinels without a name',
      { REDIS_URL: 'redis+sentinel://host:26379' },
      'REDIS_URL must be a URL such as redis://host',
    ],
  ])('is refused for %s', (_name, env, words) => {
    expect(problems(() => loadConfiguration(env, { dataFolder }))).toEqual([expect.stringContaining(words)])
  })

  it('is encrypted under BRIDGE_KEYS where others can read it: a bridge needs them, the demo is told', () => {
    for (const store of [{ REDIS_URL: REDIS }, { DATABASE_URL: POSTGRES }]) {
      expect(problems(() => loadConfiguration({ ...bridge, ...store }))).toEqual([
        expect.stringContaining('BRIDGE_KEYS is not set, nor is BRIDGE_KEYS_FILE'),
      ])
      expect(loadConfiguration({ ...store }).warnings).toEqual([expect.objectContaining({ setting: 'BRIDGE_KEYS' })])
    }
    expect(loadConfiguration(bridge, { dataFolder }).warnings).toEqual([])
  })
})
