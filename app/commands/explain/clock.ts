import type { Meaning } from './reasons.ts'

/** Two machines in order agree to within a second or two, and the answer of the provider took its time. */
const AGREEMENT_SECONDS = 10

/**
 * Says of a token that came too early or too late that this machine's clock is to blame, where it was compared with the provider's.
 *
 * @param ahead - How far it is ahead of the provider's, in seconds; negative where it is behind.
 * @returns `undefined` where the two agree, or were not compared.
 */
export function clockMeaning(ahead: number | undefined): Meaning | undefined {
  if (ahead === undefined || Math.abs(ahead) <= AGREEMENT_SECONDS) return undefined
  const distance = `${durationOf(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'}`
  return {
    means: `The clock of this machine is ${distance} that of the provider, as the provider's answer to this command shows. Every token looks ${ahead > 0 ? 'older' : 'younger'} here than it is.`,
    cure: 'Set the clock of this machine (NTP), and that of the server if it is another one. CLOCK_TOLERANCE_SECONDS is for a few seconds only.',
  }
}

function durationOf(seconds: number): string {
  const [value, unit] =
    seconds < 120 ? [seconds, 'second'] : seconds < 7_200 ? [seconds / 60, 'minute'] : [seconds / 3_600, 'hour']
  return `${Math.round(value)} ${unit}s`
}
