import { describe, expect, it } from 'vitest'
import { measurements } from '../../app/commands/doctor/client-facts.ts'
import { clients } from './drivers/index.ts'
import { endure } from './endure.ts'
import { places } from './kinds.ts'

const enduring = clients.filter(({ name }) => measurements[name]?.endures)

// Most of the time they wait for tokens to end.
describe.concurrent.each(enduring)('$name does what is expected of it after the sign-in', client => {
  const { endures = {} } = measurements[client.name] ?? {}
  it.each(places.filter(place => endures[place]))('at: %s', async place => {
    const { endured, problems } = await endure(client, place)
    expect(endured, problems.join('\n')).toEqual(endures[place])
  })
})
