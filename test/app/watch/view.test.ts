import { describe, expect, it } from 'vitest'
import { linesOf } from '../../../app/watch/lines.ts'
import { jsonView, lineView, terminalView } from '../../../app/watch/view.ts'
import { requests, watch } from './records.ts'

/** A sign-in that stops, with everything that can be shown. */
function shown() {
  const w = watch()
  requests.challenge(w, { agent: 'claude-code/2.1.332' })
  requests.resourceMetadata(w, { agent: 'Bun/1.4.6' })
  w.silence(30)
  w.resource({ status: 401, reason: { kind: 'audience_mismatch', expected: 'https://a.example/mcp', actual: 'b' } })
  w.write({ type: 'lost', at: w.now(), count: 3 })
  w.watcher.gone(2, w.now())
  return w.events
}

const ESCAPE = '\u001b'
const UP_AND_ERASE = new RegExp(`^${ESCAPE}\\[(\\d+)A${ESCAPE}\\[0J`)

/** A terminal that remembers what stands on it. */
function screen(columns: number) {
  const rows: string[] = []
  let text = ''
  return {
    isTTY: true,
    columns,
    text: () => text,
    rows: () => rows,
    write(written: string) {
      text += written
      const cursor = UP_AND_ERASE.exec(written)
      if (cursor) rows.splice(rows.length - Number(cursor[1]))
      rows.push(
        ...written
          .slice(cursor?.[0].length ?? 0)
          .split('\n')
          .slice(0, -1),
      )
    },
  }
}

describe('lines', () => {
  it.each([40, 60, 80])('fit into %i columns, but for words that are longer', columns => {
    const lines = shown().flatMap(event => linesOf(event, columns))
    const words = (line: string) => line.trim().split(/\s+/)
    const wide = lines.filter(line => line.length > columns && words(line).every(word => word.length < columns - 21))
    expect(lines.length).toBeGreaterThan(12)
    expect(wide).toEqual([])
  })

  it('say what was asked, what was answered, what was expected and what to do', () => {
    const text = shown()
      .flatMap(event => linesOf(event, 80))
      .join('\n')
      .replaceAll(/\d\d:\d\d:\d\d/g, 'TIME')
    expect(text).toContain(
      'TIME #1 Claude Code 2.1.332  POST /mcp\n           401 no token; told where to sign in (files:read)',
    )
    expect(text).toContain('TIME #1 Claude Code 2.1.332 stopped: nothing for 30 s after GET')
    expect(text).toContain('\n         expected  GET the metadata of https://auth.example.com\n')
    expect(text).toContain('\n         see       docs/settings.md')
  })
})

describe('the view', () => {
  it('of a program is one JSON object a line', () => {
    const seen = screen(80)
    const view = jsonView(seen)
    for (const event of shown()) view.event(event)
    const events = seen.rows().map(line => JSON.parse(line) as Record<string, unknown>)
    expect(events.map(({ event }) => event)).toEqual([
      'server',
      'server',
      'step',
      'step',
      'stopped',
      'step',
      'stopped',
      'lost',
      'server_gone',
    ])
    expect(events[2]).toMatchObject({
      at: '2026-11-30T10:00:01.000Z',
      attempt: 1,
      client: 'Claude Code 2.1.332',
      step: 'mcp',
      status: 401,
      next: 'GET https://mcp.example.com/prm',
    })
  })

  it('of a file has no escape sequences', () => {
    const seen = screen(80)
    const view = lineView(seen)
    for (const event of shown()) view.event(event)
    view.waiting([])
    expect(seen.text()).not.toContain('\u001b[')
  })

  it('of a terminal has at its foot who is waited for, in one line each, and adds everything else above', () => {
    const w = watch()
    const seen = screen(50)
    const view = terminalView(seen, w.now)
    const tell = () => {
      for (const event of w.events.splice(0)) view.event(event)
      view.waiting(w.watcher.waiting())
    }
    requests.challenge(w, { agent: 'claude-code/2.1.332' })
    tell()
    expect(seen.rows().at(-1)).toBe('#1 Claude Code 2.1.332: 0 s, waiting for GET htt…')
    const before = seen.rows().length
    w.silence(10)
    tell()
    expect(seen.rows()).toHaveLength(before)
    expect(seen.rows().at(-1)).toMatch(/^#1 Claude Code 2\.1\.332: 10 s/)
    requests.challenge(w, { agent: 'Cursor/1.9' })
    tell()
    expect(seen.rows().slice(-2)).toEqual([
      expect.stringMatching(/^#1 Claude/),
      expect.stringMatching(/^#2 cursor 1\.9: 0 s/),
    ])
    w.silence(60)
    tell()
    expect(seen.rows().filter(row => row.includes('waiting for'))).toEqual([])
    view.end()
  })

  it('of a terminal writes nothing where nothing has changed', () => {
    const seen = screen(80)
    const view = terminalView(seen)
    view.waiting([])
    view.waiting([])
    expect(seen.text()).toBe('')
  })
})
