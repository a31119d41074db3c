import nock from 'nock'
import { judgeTokens, type Outcome, type RecordingFile } from './recording.ts'

// It would be in the way of everything else from here on.
nock.restore()

/** What came of a replay. */
export interface Replay {
  outcomes: Record<string, Outcome>
  /** Requests of the recording that were not made. */
  unused: readonly string[]
}

/** Runs the adapter as it is now on what was recorded, with the clock set to the time of the recording; no network. */
export async function replay({ settings, tokens, exchanges, provenance }: RecordingFile): Promise<Replay> {
  nock.activate()
  nock.disableNetConnect()
  try {
    const scopes = nock.define(exchanges as unknown as nock.Definition[])
    const values = Object.fromEntries(Object.entries(tokens).map(([label, { token }]) => [label, token]))
    const outcomes = await judgeTokens(settings, values, Date.parse(provenance.recordedAt))
    return { outcomes, unused: scopes.flatMap(scope => scope.pendingMocks()) }
  } finally {
    nock.cleanAll()
    nock.enableNetConnect()
    nock.restore()
  }
}
