import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadBranding, PAGE_COLORS } from '../../config/branding.ts'
import { contrast } from '../../config/contrast.ts'
import { stylesheet } from '../../demo-as/pages/assets.ts'
import type { ConfigProblem } from '../../src/config-error.ts'

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>'
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

function load(content: unknown, files: Record<string, string | Uint8Array> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'branding-'))
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes)
  const path = join(folder, 'branding.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  const problems: ConfigProblem[] = []
  const branding = loadBranding(path, problems)
  return { branding, problems: problems.map(({ setting, problem }) => `${setting} ${problem}`) }
}

const colors = (light: object, dark: object = {}) => load({ colors: { light, dark } })

describe('AUTH_BRANDING', () => {
  it('names a file with name, logo, colors and links', () => {
    const links = {
      terms: 'https://acme.example/terms',
      privacy: 'https://acme.example/privacy',
      support: 'mailto:a@b.c',
    }
    const { branding, problems } = load(
      {
        name: ' Acme ',
        logo: 'logo.svg',
        links,
        colors: { light: { accent: '#0B6B3A' }, dark: { accent: '#7fd6a4' } },
      },
      { 'logo.svg': SVG },
    )
    expect(problems).toEqual([])
    expect(branding).toEqual({
      name: 'Acme',
      links,
      logo: { type: 'image/svg+xml', bytes: Buffer.from(SVG) },
      colors: {
        light: { accent: '#0b6b3a', onAccent: '#ffffff', background: '#f3f4f8' },
        dark: { accent: '#7fd6a4', onAccent: '#000000', background: '#14151c' },
      },
    })
  })

  it('is not needed, and nothing in it is', () => {
    expect(loadBranding(undefined, [])).toBeUndefined()
    expect(load({})).toEqual({ branding: {}, problems: [] })
  })

  it('reports a missing file', () => {
    const problems: ConfigProblem[] = []
    expect(loadBranding('/nowhere/branding.json', problems)).toBeUndefined()
    const problem = 'names a file that cannot be read (ENOENT): there is no /nowhere/branding.json'
    expect(problems).toEqual([{ setting: 'AUTH_BRANDING', problem, see: 'docs/bridge.md' }])
  })

  it.each<[string, unknown, string]>([
    ['no JSON', '{ name: 1 }', 'names a file that is not JSON'],
    ['a member that does not exist', { colour: {} }, 'file: has no option colour'],
    ['a color by its name', { colors: { light: { accent: 'green' } } }, 'colors.light.accent: must be a color such as'],
    [
      'an insecure link',
      { links: { terms: 'http://acme.example' } },
      'links.terms: must be a URL that starts with https://',
    ],
    ['a link that runs a script', { links: { support: 'javascript:alert(1)' } }, 'links.support: '],
    ['an empty name', { name: ' ' }, 'name: '],
  ])('reports %s', (_name, content, problem) => {
    expect(load(content).problems.join()).toContain(`AUTH_BRANDING ${problem}`)
  })

  it.each<[string, Record<string, string | Uint8Array>, string | undefined]>([
    ['a PNG under any name', { logo: PNG }, undefined],
    ['an SVG with a prolog', { logo: `<?xml version="1.0"?>\n<!-- by hand -->\n${SVG}` }, undefined],
    ['none', {}, 'logo: names a file that cannot be read (ENOENT)'],
    ['a page', { logo: '<!doctype html><script>alert(1)</script>' }, 'logo: is neither an SVG nor a PNG picture'],
    ['one that is too large', { logo: SVG + ' '.repeat(100_000) }, 'it may have 100000'],
  ])('takes, as a logo, %s or says what is wrong', (_name, files, problem) => {
    const { branding, problems } = load({ logo: 'logo' }, files)
    expect(branding?.logo !== undefined).toBe(problem === undefined)
    expect(problems.join()).toContain(problem ?? '')
  })
})

describe('colors', () => {
  it('that cannot be read are refused with the ratio, what is needed and a color that would do', () => {
    expect(colors({ accent: '#ffcc00' }).problems).toEqual([
      'AUTH_BRANDING colors.light.accent: #ffcc00 against the card (#ffffff) has a contrast of 1.51:1, and WCAG AA asks for 4.5:1. #8a6e00 would do',
    ])
    expect(colors({}, { accent: '#102a83' }).problems.join()).toMatch(/colors\.dark\.accent: #102a83 .* 1\.\d+:1/)
    expect(colors({ background: '#777777' }).problems.join()).toMatch(
      /colors\.light\.background: .*WCAG AA asks for 4\.5:1/,
    )
    expect(colors({}, { background: '#ffffff' }).problems.join()).toMatch(/colors\.dark\.background: #ffffff/)
  })

  it('of one mode make those of the other, which can be read there', () => {
    const { branding, problems } = colors({ accent: '#0b6b3a' })
    expect(problems).toEqual([])
    const { accent = '' } = branding?.colors?.dark ?? {}
    expect(accent).not.toBe(PAGE_COLORS.dark.accent)
    expect(contrast(accent, PAGE_COLORS.dark.card)).toBeGreaterThanOrEqual(4.5)
  })

  it('that a problem proposes are taken', () => {
    const hex = fc.integer({ min: 0, max: 0xffffff }).map(value => `#${value.toString(16).padStart(6, '0')}`)
    const member = fc.record({ accent: hex, background: hex }, { requiredKeys: [] })
    fc.assert(
      fc.property(member, member, (light, dark) => {
        const chosen = { light: { ...light }, dark: { ...dark } }
        let { branding, problems } = load({ colors: chosen })
        for (let tries = 0; problems.length > 0 && tries < 4; tries++) {
          for (const problem of problems) {
            const [, mode, name, better] = /colors\.(light|dark)\.(\w+): .* (#\w+) would do$/.exec(problem) ?? []
            Object.assign(chosen[mode as 'light' | 'dark'], { [name as string]: better })
          }
          ;({ branding, problems } = load({ colors: chosen }))
        }
        expect(problems).toEqual([])
        for (const { accent, onAccent } of Object.values(branding?.colors ?? {})) {
          expect(contrast(accent, onAccent)).toBeGreaterThanOrEqual(4.5)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('are measured as WCAG does', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21)
    expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.478, 3)
    expect(contrast('#ffffff', '#ffffff')).toBe(1)
  })

  it('are compared with those that the pages have', () => {
    const [light = '', dark = ''] = stylesheet().split('@media (prefers-color-scheme: dark)')
    for (const [mode, sheet] of Object.entries({ light, dark })) {
      const { background, ...others } = PAGE_COLORS[mode as 'light' | 'dark']
      for (const [name, value] of Object.entries({ page: background, ...others })) {
        expect(sheet).toContain(`--${name}: ${value};`)
      }
    }
  })
})
