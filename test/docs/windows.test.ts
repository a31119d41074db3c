import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** For contributors, who have a shell. */
const NOT_FOR_NEWCOMERS = /^(CHANGELOG|CONTRIBUTING)\.md$|^docs\/decisions\//
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root })
  .toString()
  .split('\n')
  .filter(page => page && !NOT_FOR_NEWCOMERS.test(page))
const read = (page: string) => readFileSync(join(root, page), 'utf8')

const BLOCK = /^ *```(?:sh|console|bash)\b.*\n([\s\S]*?)^ *```$/gm
/** Sets a variable as only shells of POSIX do. */
const ASSIGNMENT = /^ *(?:\$ )?(?:export )?[A-Z][A-Z0-9_]+=\S/m

const setVariables = pages.filter(page =>
  Array.from(read(page).matchAll(BLOCK), ([, lines = '']) => lines).some(lines => ASSIGNMENT.test(lines)),
)

it('finds the pages whose lines set variables', () => {
  expect(setVariables).toEqual(
    expect.arrayContaining(['README.md', 'AGENTS.md', 'docs/gateway.md', 'docs/providers/auth0.md']),
  )
  expect(ASSIGNMENT.test('$ AUTH_PROVIDER=auth0 npm start')).toBe(true)
  expect(ASSIGNMENT.test('npx idplug doctor --idp=auth0')).toBe(false)
})

it.each(setVariables)('%s says how its lines are written on Windows', page => {
  const text = read(page)
  expect(text.includes('settings.md#windows)') || text.includes('$env:')).toBe(true)
})
