import { drive, type MeasuredServer, type PreparedRequest } from './http-load.ts'
import type { Measurement } from './report.ts'

const WARM_UP_REQUESTS = 8_000

export interface PairedCandidate {
  readonly name: string
  readonly server: MeasuredServer
  readonly requests: readonly PreparedRequest[]
  readonly expected: { status: number; text: string }
}

/** Server CPU per request. All candidates take part in every round, in changing order. */
export async function measurePaired(
  candidates: readonly PairedCandidate[],
  { rounds, requests }: { rounds: number; requests: number },
): Promise<Measurement[]> {
  const samples = candidates.map((): number[] => [])
  for (const candidate of candidates)
    await drive(candidate.server, candidate.requests, WARM_UP_REQUESTS, candidate.expected)
  const all = candidates.map((candidate, index) => ({ ...candidate, samples: samples[index] as number[] }))
  for (let round = 0; round < rounds; round++) {
    for (const { server, requests: prepared, expected, samples } of round % 2 ? all.toReversed() : all) {
      const before = await server.report({ collect: false })
      await drive(server, prepared, requests, expected)
      const after = await server.report({ collect: false })
      samples.push((after.cpu - before.cpu) / requests)
    }
  }
  return all.map(({ name, samples }) => ({ name, unit: 'µs CPU per request', samples }))
}
