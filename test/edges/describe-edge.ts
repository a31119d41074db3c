import { describe, expect, it } from 'vitest'
import { behaviors } from './behaviors.ts'
import { describeInBrowser } from './describe-in-browser.ts'
import type { EdgeFixture } from './edge-fixture.ts'
import { worldOf } from './world.ts'

/** Runs the table of behaviors against one edge, and calls it from a page in Chromium. Call it at the top of a test file. */
export function describeEdge(edge: EdgeFixture): void {
  const { instead = {} } = edge
  const makeWorld = worldOf(edge)
  describe(edge.name, () => {
    for (const behavior of behaviors.filter(({ appliesTo }) => appliesTo?.(edge) ?? true)) {
      const exception = instead[behavior.name]
      if (exception)
        it(`does not do this: ${behavior.name}, because ${exception.because}`, () => exception.run(makeWorld))
      else it(behavior.name, () => behavior.run(makeWorld, edge))
    }

    it('makes exceptions from behaviors that exist', () => {
      const names = behaviors.map(({ name }) => name)
      expect(Object.keys(instead).filter(name => !names.includes(name))).toEqual([])
    })
  })
  describeInBrowser(edge)
}
