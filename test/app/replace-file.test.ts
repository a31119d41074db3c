import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { replaceFile, writeWhole } from '../../app/replace-file.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

/** As a system that says no so often. */
function refusing(times: number, code: string) {
  let calls = 0
  const move = async () => {
    if (++calls <= times) throw Object.assign(new Error(code), { code })
  }
  return { move, calls: () => calls }
}

it.each(['EPERM', 'EACCES', 'EBUSY'])('waits on Windows until no other program has the file open (%s)', async code => {
  const { move, calls } = refusing(2, code)
  await replaceFile('a', 'b', 'win32', move)
  expect(calls()).toBe(3)
})

it.each([
  ['win32', 'ENOSPC'],
  ['linux', 'EPERM'],
] as const)('does not try again what fails for good: %s, %s', async (platform, code) => {
  const { move, calls } = refusing(1, code)
  await expect(replaceFile('a', 'b', platform, move)).rejects.toMatchObject({ code })
  expect(calls()).toBe(1)
})

it('writes a file whole, with the mode of the one that was there, or the one that is asked for', async () => {
  const path = join(temporaryFolder(), 'links.csv')
  writeFileSync(path, 'before')
  chmodSync(path, 0o640)
  await writeWhole(path, 'after')
  expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['after', 0o640])
  await writeWhole(path, 'again', 0o600)
  expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['again', 0o600])
})

it('leaves nothing beside a file that cannot be replaced', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'keys.json', 'in-the-way'), { recursive: true })
  await expect(writeWhole(join(folder, 'keys.json'), 'after')).rejects.toThrow(/EISDIR|EEXIST|ENOTEMPTY/)
  expect(readdirSync(folder)).toEqual(['keys.json'])
})
