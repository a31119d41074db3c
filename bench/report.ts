/** What one part of the bench measured. */
export interface BenchSection {
  title: string
  /** How it was measured, in a sentence. */
  method: string
  measurements: readonly Measurement[]
  targets: readonly Target[]
}

export interface Measurement {
  name: string
  /** Unit of the samples, e.g. `µs CPU per validation`. */
  unit: string
  /** One per round. */
  samples: readonly number[]
}

/** A figure that must not be exceeded: a ratio or difference of one run, or a count. */
export interface Target {
  name: string
  actual: number
  limit: number
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}

/** The median, over rounds, of what two candidates came to in the same round: drifts of the machine cancel out. */
export function ratio(measurement: Measurement, base: Measurement): number {
  return median(measurement.samples.map((sample, round) => sample / (base.samples[round] ?? Number.NaN)))
}

/** The median, over rounds, of what one candidate came to beyond another in the same round. */
export function difference(measurement: Measurement, base: Measurement): number {
  return median(measurement.samples.map((sample, round) => sample - (base.samples[round] ?? Number.NaN)))
}

/** The section as text. */
export function formatSection({ title, method, measurements, targets }: BenchSection): string {
  const width = Math.max(...[...measurements, ...targets].map(({ name }) => name.length))
  const number = (value: number) => value.toPrecision(3).padStart(8)
  const rows = measurements.map(({ name, unit, samples }) => {
    const figures = [Math.min(...samples), median(samples), Math.max(...samples)].map(number).join('')
    return `  ${name.padEnd(width)} ${figures}  ${unit}`
  })
  const verdicts = targets.map(({ name, actual, limit }) => {
    const verdict = actual <= limit ? 'reached' : 'MISSED'
    return `  ${name.padEnd(width)} ${number(actual)}  at most ${limit}: ${verdict}`
  })
  const heading = `  ${''.padEnd(width)} ${['min', 'median', 'max'].map(name => name.padStart(8)).join('')}`
  return [title, method, '', ...(rows.length ? [heading, ...rows, ''] : []), ...verdicts, ''].join('\n')
}
