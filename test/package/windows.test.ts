import { expect, it } from 'vitest'
import { OF_OTHERS } from '../../build/bundle.ts'
import { isToRead } from '../../build/packages.ts'

it.each([
  ['/srv/idplug/docs/doctor.md', true],
  ['C:\\idplug\\docs\\doctor.md', true],
  ['C:\\idplug\\docs\\examples\\servers\\README.md', true],
  ['/srv/idplug/docs/decisions/0001-dependencies.md', false],
  ['C:\\idplug\\docs\\decisions\\0001-dependencies.md', false],
  ['C:\\idplug\\docs\\conformance\\results', false],
  ['/srv/idplug/docs/conformance/field.md', false],
  ['C:\\idplug\\docs\\examples\\servers\\hono.json', false],
])('the build knows what is published by its path on any system: %s', (path, isPublished) => {
  expect(isToRead(path)).toBe(isPublished)
})

it.each([
  ['zod', true],
  ['@idplug/server', true],
  ['node:fs', true],
  ['#authorization-server', true],
  ['./finding.ts', false],
  ['/srv/idplug/index.ts', false],
  ['C:\\idplug\\index.ts', false],
  ['D:/idplug/index.ts', false],
])('the build knows whose a module is by its name on any system: %s', (name, isOfOthers) => {
  expect(OF_OTHERS.test(name)).toBe(isOfOthers)
})
