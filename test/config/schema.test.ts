import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { adapters } from '../../adapters/index.ts'

const root = new URL('../../', import.meta.url).pathname
const read = (path: string) => JSON.parse(readFileSync(root + path, 'utf8'))
const schema = z.fromJSONSchema(read('config/provider.schema.json'))

describe('config/provider.schema.json', () => {
  const files = globSync('{config,docs/examples/{adapter,providers}}/*.json', { cwd: root }).filter(
    file => !file.endsWith('schema.json'),
  )

  it.each(files)('accepts %s with its references to the environment', file => {
    expect(schema.safeParse(read(file)).error).toBeUndefined()
  })

  it.each(adapters.map(({ name }) => name))('the file of %s in config/ names its adapter and the schema', name => {
    expect(read(`config/${name}.json`)).toMatchObject({ $schema: './provider.schema.json', adapter: name })
  })

  it.each([
    ['an unknown option', { audiance: 'x' }],
    ['a wrong value', { algorithms: 5 }],
    ['an unknown adapter', { adapter: 'oidcc' }],
    ['no metadata URL', { metadataUrl: undefined }],
  ])('refuses %s', (_what, change) => {
    const good = { adapter: 'oidc', metadataUrl: 'https://id.example.com' }
    expect(schema.safeParse(good).success).toBe(true)
    expect(schema.safeParse(JSON.parse(JSON.stringify({ ...good, ...change }))).success).toBe(false)
  })
})
