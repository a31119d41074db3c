import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  authorizationServerEvents,
  commandEvents,
  type EventEntry,
  levelOf,
  serverEvents,
} from '../../../app/observe/events.ts'

/** Text of all source files below a folder. */
function sourcesOf(folder: string): string[] {
  const root = new URL(`../../../${folder}/`, import.meta.url)
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  return files.map(name => readFileSync(new URL(name, root), 'utf8'))
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

/** Events that the code of the authorization server reports, with the members that it names beside them. */
function reported(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const text of [...sourcesOf('demo-as'), ...sourcesOf('auth')]) {
    for (const [, name = '', members = ''] of text.matchAll(/\blog(?:\?\.)?\(\s*'(\w+)',\s*\{([^}]*)\}/g)) {
      const names = [...members.matchAll(/(?:^|,)\s*(\w+)\s*(?=[:,]|$)/g)].map(([, member = '']) => snakeCase(member))
      found.set(name, new Set([...(found.get(name) ?? []), ...names]))
    }
    // Where the event is a value, not an argument.
    for (const [, name = ''] of text.matchAll(/\b(?:refused\(|event: )'([a-z]+_\w+)'/g))
      found.set(name, found.get(name) ?? new Set())
  }
  return found
}

describe('the list of events', () => {
  it('has every event of the authorization server, and no other', () => {
    expect(Object.keys(authorizationServerEvents).toSorted()).toEqual([...reported().keys()].toSorted())
  })

  it('has every event of the process and the MCP server, and no other', () => {
    const text = ['app/serve', 'app/observe', 'app/gateway', 'app/forward-auth'].flatMap(sourcesOf).join('\n')
    const names = new Set([...text.matchAll(/\bevent: '(\w+)'/g)].map(([, name]) => name))
    expect(Object.keys(serverEvents).toSorted()).toEqual([...names].toSorted())
  })

  it('has every event of commands, with its members, and no other', () => {
    const text = sourcesOf('app/commands/sessions').join('\n')
    const written = [...text.matchAll(/\{ event: '(\w+)', ([^}]*)\}/g)].map(([, name, rest = '']) => [
      name,
      [...rest.matchAll(/(?:^|,)\s*(\w+)\s*(?=[:,]|$)/g)].map(([, member]) => member),
    ])
    const listed = Object.entries<EventEntry>(commandEvents).map(([name, { members }]) => [name, members])
    expect(Object.fromEntries(written)).toEqual(Object.fromEntries(listed))
  })

  it.each(Object.entries<EventEntry>(authorizationServerEvents))('names the members of %s', (name, { members }) => {
    const known = new Set([...members, ...(members.includes('err') ? ['error'] : [])])
    expect([...(reported().get(name) ?? [])].filter(member => !known.has(member))).toEqual([])
  })

  it.each(Object.entries<EventEntry>({ ...serverEvents, ...authorizationServerEvents }))(
    'says what to do about %s if it is a warning or an error',
    (_name, { level, action }) => {
      if (level === 'warn' || level === 'error') expect(action).toBeDefined()
    },
  )

  it('takes an event that it does not know for the work of the day', () => {
    expect(levelOf('something_new', {})).toBe('info')
    expect(levelOf('something_new', { error: 'temporarily_unavailable' })).toBe('warn')
  })
})
