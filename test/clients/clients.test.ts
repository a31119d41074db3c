import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { clients } from './drivers/index.ts'
import { kinds } from './kinds.ts'
import { insist, measure } from './measure.ts'
import type { Table } from './table.ts'

const expected: Table = JSON.parse(readFileSync(new URL('./expected.json', import.meta.url), 'utf8'))

it('expects something of every client that is installed, and of no other', () => {
  expect(Object.keys(expected)).toEqual(clients.map(({ name }) => name))
})

describe.each(clients)('$name does what is expected of it', client => {
  it.each(kinds)('where people sign in at: %s', async kind => {
    const { measured, problems } = await measure(client, kind)
    expect(measured, problems.join('\n')).toEqual(expected[client.name]?.[kind])
  })

  it('and ends, for somebody who may not have the scope that a tool needs', async () => {
    const { isRefused, refusals } = await insist(client)
    expect(isRefused).toBe(true)
    expect(refusals).toBeGreaterThan(0)
    expect(refusals).toBeLessThan(6)
  })
})
