import { describe, expect, it } from 'vitest'
import { readRecordings } from './recording.ts'
import { replay } from './replay.ts'

/** The recordings of a provider, as tests of its adapter. */
export function describeRecordings(provider: string): void {
  describe.each(readRecordings(provider))(`the recording of ${provider}, %s`, (_name, recording) => {
    it('says where it is from', () => {
      expect(recording.provenance).toEqual({
        source: expect.stringMatching(/^(emulator, from documented facts|live tenant)$/),
        recordedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        redacted: expect.arrayContaining(['tokens']),
      })
    })

    it('is answered by the adapter as when it was made, with the same requests', async () => {
      const { outcomes, unused } = await replay(recording)
      const recorded = Object.entries(recording.tokens).map(([label, { outcome }]) => [label, outcome])
      expect(outcomes).toEqual(Object.fromEntries(recorded))
      expect(unused).toEqual([])
    })
  })
}
