import type { Measurement } from './report.ts'

export interface Candidate {
  name: string
  /** Called before each round, outside the measured time: makes the work for one. */
  prepare(): readonly string[] | Promise<readonly string[]>
  /** Does the work of one round. */
  run(tokens: readonly string[]): void | Promise<void>
}

/**
 * Runs every candidate once per round, in turn and in changing order, so that whatever disturbs the machine disturbs all.
 * Measures the CPU time of the process, its thread pool included.
 *
 * @param warmUps - Rounds that do not count.
 */
export async function measure(
  candidates: readonly Candidate[],
  options: { rounds: number; warmUps: number; unit: string },
): Promise<Map<string, Measurement>> {
  const samples = new Map(candidates.map(({ name }) => [name, [] as number[]]))
  for (let round = -options.warmUps; round < options.rounds; round++) {
    const order = round % 2 ? candidates : candidates.toReversed()
    for (const { name, prepare, run } of order) {
      const tokens = await prepare()
      const startedAt = process.cpuUsage()
      await run(tokens)
      const { user, system } = process.cpuUsage(startedAt)
      if (round >= 0) samples.get(name)?.push((user + system) / tokens.length)
    }
  }
  return new Map(candidates.map(({ name }) => [name, { name, unit: options.unit, samples: samples.get(name) ?? [] }]))
}
