import { describe, expect, it } from 'vitest'
import { measurements } from '../../../app/commands/doctor/client-facts.ts'
import { measure } from '../measure.ts'
import { largeClients } from './drivers/index.ts'
import { largeKinds, largeSettings } from './kinds.ts'

describe.each(largeClients)('$name does what is expected of it', client => {
  // A row that nobody has measured yet says nothing: `npm run measure:clients` adds it.
  const kinds = largeKinds.filter(kind => measurements[client.name]?.kinds[kind])
  it('was measured', () => expect(kinds).toContain('demo'))
  it.each(kinds)('where people sign in at: %s', async kind => {
    const { measured, problems } = await measure(client, kind, largeSettings)
    expect(measured, problems.join('\n')).toEqual(measurements[client.name]?.kinds[kind])
  })
})
