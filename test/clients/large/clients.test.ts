import { describe, expect, it } from 'vitest'
import { type Measurement, measurements } from '../../../app/commands/doctor/client-facts.ts'
import { endure } from '../endure.ts'
import { places } from '../kinds.ts'
import { measure, takesParent } from '../measure.ts'
import { copilot } from './drivers/copilot.ts'
import { largeClients } from './drivers/index.ts'
import { largeKinds, largeSettings } from './kinds.ts'

// Copilot has a driver and no row yet.
const measuredClients = largeClients.filter(client => client !== copilot)

describe.each(measuredClients)('$name does what is expected of it', client => {
  // A row that nobody has measured yet says nothing: `npm run measure:clients` adds it.
  const { kinds, endures, takesParent: expected }: Partial<Measurement> = measurements[client.name] ?? {}
  it('was measured', () => expect(kinds).toHaveProperty('demo'))
  it.runIf(expected !== undefined)('where the metadata is that of a URL above the one it was given', async () => {
    const { takes, problem } = await takesParent(client, largeSettings)
    expect(takes, problem).toBe(expected)
  })
  it.each(largeKinds.filter(kind => kinds?.[kind]))('where people sign in at: %s', async kind => {
    const { measured, problems } = await measure(client, kind, largeSettings)
    expect(measured, problems.join('\n')).toEqual(kinds?.[kind])
  })
  it.each(places.filter(place => endures?.[place]))('when something happens after the sign-in: %s', async place => {
    const { endured, problems } = await endure(client, place)
    expect(endured, problems.join('\n')).toEqual(endures?.[place])
  })
})
