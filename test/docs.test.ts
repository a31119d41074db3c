import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { packages } from '../build/packages.ts'

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

describe('docs/conformance/idplug.md', () => {
  const rows = [...read('docs/conformance/idplug.md').matchAll(/\| `((?:test|src\/testing)\/[\w/.-]+)` (.+) \|$/gm)]

  it('has rows', () => {
    expect(rows.length).toBeGreaterThan(20)
  })

  it.each(rows.map(([, file = '', title = '']) => [file, title]))('names a test of %s: %s', (file, title) => {
    expect(read(file)).toContain(title)
  })
})

describe.each([
  { page: 'docs/threat-model.md', head: 'threat', least: 31 },
  { page: 'docs/best-practices.md', head: 'practice', least: 10 },
])('$page', ({ page, head, least }) => {
  const rows = read(page)
    .split('\n')
    .filter(line => line.startsWith('| ') && !/^\| ---/.test(line) && !line.startsWith(`| ${head} |`))
    .map(line => line.slice(2, -2).split(' | '))

  it('has rows of four cells', () => {
    expect(rows.length).toBeGreaterThanOrEqual(least)
    expect(rows.filter(cells => cells.length !== 4)).toEqual([])
  })

  it.each(rows)('%s: names code and a test that exist', (_threat, _defence, code, test) => {
    const files = [...(code ?? '').matchAll(/`([^`]+)`/g)].map(([, file = '']) => file)
    expect(files.filter(file => !existsSync(new URL(`../${file}`, import.meta.url)))).toEqual([])
    expect(files.length).toBeGreaterThan(0)
    const [, file = '', title = ''] = /^`([^`]+)` (.+)$/.exec(test ?? '') ?? []
    expect(read(file)).toContain(title)
  })
})

describe('docs/decisions', () => {
  it.each(packages)('justify every runtime dependency of $name in a line, and no others', ({ name, dependencies }) => {
    const [, section = ''] = read('docs/decisions/0001-dependencies.md').split(`\n## \`${name}\`\n`)
    const [table = ''] = section.split('\n## ')
    const justified = [...table.matchAll(/^\| `([^`]+)` \| .{10,} \|$/gm)].map(([, dependency]) => dependency)
    expect(justified).toEqual([...dependencies])
  })
})
