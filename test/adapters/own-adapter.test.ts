import { expect, it } from 'vitest'
import { loadConfiguration } from '../../config/load.ts'
import '../../docs/examples/adapter/acme.test.ts'

const AUTH_CONFIG = new URL('../../docs/examples/adapter/acme.json', import.meta.url).pathname

it('an adapter of one’s own is loaded from beside its configuration, and checked like ours', () => {
  const { providers } = loadConfiguration({ AUTH_CONFIG, ACME_WORKSPACE: 'w-7' })
  expect(providers).toMatchObject([{ adapter: { name: 'acme', title: 'Acme ID' }, options: { workspace: 'w-7' } }])
  expect(() => loadConfiguration({ AUTH_CONFIG })).toThrow(
    'ACME_WORKSPACE: is not set. Acme ID needs it for workspace: Id of the one workspace',
  )
  expect(() => loadConfiguration({ AUTH_CONFIG, ACME_WORKSPACE: 'w-7', ACME_HOST: 'console.acme.example' })).toThrow(
    'ACME_HOST: is the address of the console',
  )
})
