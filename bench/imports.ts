// What it costs to import the published library, each time in a fresh process, against jose.
import { type Imported, importIn } from '../test/package/imported.ts'
import type { BenchSection, Measurement } from './report.ts'
import { median, ratio } from './report.ts'

const ROUNDS = 15

const candidates = {
  jose: "await import('jose')",
  core: `const { createJwtValidator } = await import('idplug/core')
    await import('idplug/fetch')
    createJwtValidator({ issuer: 'https://a.example', audience: { audience: ['https://b.example'] }, types: null }, { resource: 'https://b.example' })`,
  createAuth: `const { createAuth } = await import('idplug')
    createAuth({ name: 'A', resource: 'https://b.example/mcp', scopes: {} }, { env: { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'a.eu.auth0.com' } })`,
}

export async function run(): Promise<BenchSection> {
  const names = Object.keys(candidates) as (keyof typeof candidates)[]
  const samples = Object.fromEntries(names.map(name => [name, [] as Imported[]])) as Record<
    keyof typeof candidates,
    Imported[]
  >
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) samples[name].push(await importIn(candidates[name], 'time'))
  }
  const measured = (name: keyof typeof candidates): Measurement => ({
    name,
    unit: 'ms until it is there',
    samples: samples[name].map(({ milliseconds }) => milliseconds),
  })
  const { modules } = await importIn(candidates.core, 'modules')
  return {
    title: 'Imports',
    method: `${ROUNDS} rounds, each import in a process of its own; median ${median(measured('jose').samples).toFixed(1)} ms for jose's index.`,
    measurements: names.map(measured),
    targets: [
      {
        name: 'idplug/core and idplug/fetch with createJwtValidator, against jose',
        actual: ratio(measured('core'), measured('jose')),
        limit: 0.9,
      },
      { name: 'their modules', actual: modules.length, limit: 30 },
      {
        name: 'createAuth with AUTH_PROVIDER, against jose',
        actual: ratio(measured('createAuth'), measured('jose')),
        limit: 3,
      },
    ],
  }
}
