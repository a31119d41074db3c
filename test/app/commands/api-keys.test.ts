import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { idplug } from '../../first-contact/runs.ts'
import { temporaryFolder } from '../../support/temporary-files.ts'

const files = {
  name: 'Files',
  resource: 'https://mcp.example.com/mcp',
  scopes: { 'files:read': 'Read', 'files:write': 'Write' },
  initialScopes: ['files:read'],
}

/** Makes a key beside a file that declares the server, or beside none. */
async function newKey(scopes: string, declaration?: unknown) {
  const folder = temporaryFolder()
  const declared = join(folder, 'files.json')
  if (declaration !== undefined) writeFileSync(declared, JSON.stringify(declaration))
  vi.stubEnv('AUTH_RESOURCE', declaration === undefined ? '' : declared)
  const file = join(folder, 'keys.json')
  const printed = await idplug(['api-keys', 'new', '--owner', 'ci', '--scopes', scopes, '--file', file])
  return { printed, isMade: existsSync(file) }
}

it('makes no key for a scope that the server does not declare, and names the one that was meant', async () => {
  const { printed, isMade } = await newKey('files:raed,files:write', files)
  expect(printed).toContain(
    'error: --scopes names files:raed (did you mean files:read?), which AUTH_RESOURCE does not declare; there are files:read, files:write',
  )
  expect(isMade).toBe(false)
  expect((await newKey('files:read', { ...files, scopes: {}, initialScopes: [] })).printed).toContain(
    'does not declare; there are none',
  )
})

it.each([
  ['that are declared', 'files:read,files:write', files],
  ['of a server about which nothing is known', 'mail:read', undefined],
  ['of the example server', 'notes:read', undefined],
])('makes a key for scopes %s, and warns of nothing', async (_which, scopes, declaration) => {
  const { printed, isMade } = await newKey(scopes, declaration)
  expect(isMade).toBe(true)
  expect(printed).not.toContain('Warning')
})

it('warns of a scope that is most likely misspelled, where nobody says what there is', async () => {
  const { printed, isMade } = await newKey('notes:raed')
  expect(printed).toContain('Warning: --scopes names notes:raed (did you mean notes:read?)')
  expect(isMade).toBe(true)
})

it('makes a key where the declaration cannot be read, and says that the scopes were not compared', async () => {
  const { printed, isMade } = await newKey('files:raed', { ...files, scopes: 'none' })
  expect(printed).toContain('Warning: the scopes are not compared with the declared ones.')
  expect(isMade).toBe(true)
})
