import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { settingsSchema } from '../../config/settings.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string) => readFileSync(join(root, file), 'utf8')

const source = globSync('{src,auth,app,demo-as,config,adapters}/**/*.ts', { cwd: root }).map(read).join('\n')
/** OAuth's own words, claims, and a file of Redis. */
const NOT_OURS = new Set(['client_id', 'invalid_client', 'invalid_grant', 'invalid_token', 'dump.rdb'])
/** Beside those of others: Node's, and psql's. */
const settings = new Set([...Object.keys(settingsSchema.shape), 'HTTPS_PROXY', 'ON_ERROR_STOP'])

const pages = globSync('docs/runbooks/*.md', { cwd: root }).sort()

const codeSpans = (text: string) =>
  [...text.replace(/^ *(?:\d+\. )?```[\s\S]*?^ *```/gm, '').matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)
const distinct = (values: Iterable<string>) => [...new Set(values)]

function helpOf(words: readonly string[]): string {
  const { stdout, status } = spawnSync(process.execPath, ['app/main.ts', ...words, '--help'], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(status).toBe(0)
  return stdout
}

it('there is a runbook for each emergency', () => {
  expect(pages.map(page => page.split('/').at(-1))).toEqual([
    'client-misbehaving.md',
    'key-rotation.md',
    'provider-down.md',
    'store-lost.md',
    'token-leak.md',
  ])
})

describe.each(pages)('%s', page => {
  const text = read(page)
  const spans = codeSpans(text)

  it('says how it shows, what users see, what to do and when it is over', () => {
    expect([...text.matchAll(/^## (.+)$/gm)].map(match => match[1])).toEqual([
      'How it shows',
      'What users see',
      'What to do',
      'How to know that it is over',
    ])
    expect(text).toContain('`/ready`')
  })

  it('names events, reasons and metrics that exist', () => {
    const names = spans
      .flatMap(span => [
        span.split('{')[0] ?? '',
        ...[...span.matchAll(/reason="?:?"?([\w.]+)"/g)].map(m => m[1] ?? ''),
      ])
      .filter(name => /^[a-z]+(?:[_.][a-z]+)+$/.test(name) && !NOT_OURS.has(name))
    expect(names.length).toBeGreaterThan(2)
    expect(distinct(names).filter(name => !source.includes(`'${name}'`))).toEqual([])
  })

  it('names settings that exist', () => {
    const named = [...text.matchAll(/\b[A-Z]+(?:_[A-Z]+)+\b/g)]
      .map(([name]) => name)
      .filter(name => name !== 'CLIENT_ID')
    expect(distinct(named).filter(name => !settings.has(name))).toEqual([])
  })

  it('names commands and options that exist', () => {
    const commands = distinct([...text.matchAll(/npx idplug ([a-z][a-z -]*[a-z])/g)].map(([, words = '']) => words))
    for (const command of commands) {
      const words = command.split(' ')
      const options = words.filter(word => word.startsWith('--'))
      const help = helpOf(words.filter(word => !word.startsWith('-')))
      expect(help).toContain(`Usage: idplug ${words.filter(word => !word.startsWith('-')).join(' ')} `)
      for (const option of options) expect(help).toContain(option)
    }
  })
})
