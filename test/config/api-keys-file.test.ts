import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openApiKeysFile } from '../../config/api-keys-file.ts'
import { replaceFile } from '../support/replace-file.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

const entry = (id: string, scope: string) => ({ id, sha256: id.repeat(64).slice(0, 64), owner: 'ops', scopes: [scope] })

it('reports a scope that no server declares when the file changes, and takes the other changes over', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'api-keys.json')
  const write = (...keys: object[]) => replaceFile(path, JSON.stringify({ keys }))
  write(entry('a', 'notes:read'))
  const warnings: string[] = []
  const warning = (message: string) => void warnings.push(message)
  const file = openApiKeysFile(path, { warning }, [{ 'notes:read': 'Read' }], 5)
  onTestFinished(file.close)
  expect(file.find('a'.repeat(64))?.owner).toBe('ops')

  write(entry('b', 'notes:reed'))
  await expect.poll(() => file.find('b'.repeat(64))).toBeDefined()
  expect(file.find('a'.repeat(64))).toBeUndefined()
  expect(warnings).toEqual([
    'AUTH_API_KEYS_FILE: b names notes:reed, which the server does not declare (did you mean notes:read?).',
  ])
})
