import { describe, expect, it } from 'vitest'
import { measurements } from '../../app/commands/doctor/client-facts.ts'
import { clients } from './drivers/index.ts'
import { kinds } from './kinds.ts'
import { insist, measure, takesForeign, takesParent } from './measure.ts'

it('expects something of every client that is installed', () => {
  expect(Object.keys(measurements)).toEqual(expect.arrayContaining(clients.map(({ name }) => name)))
})

describe.each(clients)('$name does what is expected of it', client => {
  it.each(kinds)('where people sign in at: %s', async kind => {
    const { measured, problems } = await measure(client, kind)
    expect(measured, problems.join('\n')).toEqual(measurements[client.name]?.kinds[kind])
  })

  it('where the metadata is that of a URL above the one it was given', async () => {
    const { takes, problem } = await takesParent(client)
    expect(takes, problem).toBe(measurements[client.name]?.takesParent)
  })

  it('where the metadata is that of a URL on another origin', async () => {
    const { takes, problem } = await takesForeign(client)
    expect(takes, problem).toBe(measurements[client.name]?.takesForeign)
  })

  it('and ends, for somebody who may not have the scope that a tool needs', async () => {
    const { isRefused, refusals } = await insist(client)
    expect(isRefused).toBe(true)
    expect(refusals).toBeGreaterThan(0)
    expect(refusals).toBeLessThan(6)
  })
})
