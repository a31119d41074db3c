import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { cwd: root })
  .toString()
  .split('\n')
  .filter(page => page && existsSync(join(root, page)))

const read = (page: string) => readFileSync(join(root, page), 'utf8')
const withoutFences = (text: string) => text.replace(/^ *```[\s\S]*?^ *```/gm, '')

/** Targets of the links of a page that lead to a place in this repository. */
function relativeLinks(text: string): string[] {
  return [...withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(match => match[1] as string)
    .filter(link => !/^[a-z][a-z+.-]*:/i.test(link))
}

/** Anchors that GitHub gives to the headings of a page: a repeated heading gets `-1`, `-2`. */
function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>()
  const anchors = [...withoutFences(text).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const slug = slugOf(heading)
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    return count === 0 ? slug : `${slug}-${count}`
  })
  return new Set(anchors)
}

function slugOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-')
}

/** What is wrong with a link, or nothing. */
function problemOf(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : normalize(join(dirname(page), path))
  if (!existsSync(join(root, target))) return `${link}: no such file`
  if (anchor === undefined) return undefined
  if (statSync(join(root, target)).isDirectory() || !target.endsWith('.md')) return undefined
  return anchorsOf(read(target)).has(anchor) ? undefined : `${link}: no such heading`
}

describe('links in the documentation', () => {
  it('are found', () => {
    expect(pages.length).toBeGreaterThan(20)
    expect(pages.flatMap(page => relativeLinks(read(page))).length).toBeGreaterThan(30)
  })

  it.each(pages)('lead to files and headings that exist: %s', page => {
    const problems = relativeLinks(read(page)).map(link => problemOf(page, link))
    expect(problems.filter(problem => problem !== undefined)).toEqual([])
  })
})

describe('docs/README.md', () => {
  it('links to every page of docs', () => {
    const linked = relativeLinks(read('docs/README.md')).map(link =>
      normalize(join('docs', link.split('#')[0] as string)),
    )
    const missing = pages
      .filter(page => /^docs\/(providers\/)?[\w-]+\.md$/.test(page) && page !== 'docs/README.md')
      .filter(page => !linked.includes(page))
    expect(missing).toEqual([])
  })
})
