import { expect, it } from 'vitest'
import { replaceFile } from '../../app/replace-file.ts'

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
