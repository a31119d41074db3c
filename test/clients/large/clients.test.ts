import { describe, expect, it } from 'vitest'
import { type Measurement, measurements } from '../../../app/commands/doctor/client-facts.ts'
import { endure } from '../endure.ts'
import { places } from '../kinds.ts'
import { measure, takesForeign, takesParent } from '../measure.ts'
import { largeClients } from './drivers/index.ts'
import { largeKinds, largeSettings } from './kinds.ts'

describe.each(largeClients)('$name does what is expected of it', client => {
  // A row that nobody has measured yet says nothing: `npm run measure:clients` adds it.
  const measurement: Partial<Measurement> = measurements[client.name] ?? {}
  const { kinds, endures } = measurement
  it('was measured', () => expect(kinds).toHaveProperty('demo'))
  it.runIf(measurement.takesParent !== undefined)(
    'where the metadata is that of a URL above the one it was given',
    async () => {
      const { takes, problem } = await takesParent(client, largeSettings)
      expect(takes, problem).toBe(measurement.takesParent)
    },
  )
  it.runIf(measurement.takesForeign !== undefined)(
    'where the metadata is that of a URL on another origin',
    async () => {
      const { takes, problem } = await takesForeign(client, largeSettings)
      expect(takes, problem).toBe(measurement.takesForeign)
    },
  )
  it.each(largeKinds.filter(kind => kinds?.[kind]))('where people sign in at: %s', async kind => {
    const { measured, problems } = await measure(client, kind, largeSettings)
    expect(measured, problems.join('\n')).toEqual(kinds?.[kind])
  })
  it.each(places.filter(place => endures?.[place]))('when something happens after the sign-in: %s', async place => {
    const { endured, problems } = await endure(client, place)
    expect(endured, problems.join('\n')).toEqual(endures?.[place])
  })
})
