import type { Issuer } from './issuer/issuer.ts'

/** What there is beside the server when it trusts the kit's own issuer. */
export interface Laboratory {
  readonly issuer: Issuer
  /** How long a server may take to notice a change, in seconds. */
  readonly patienceSeconds: number
  /**
   * Ends the server under test and starts it again, so that it has forgotten everything.
   *
   * @param until - Longest wait for it to answer, in seconds.
   * @returns Whether it answers. `undefined`: only the person can restart it.
   */
  readonly restart?: (until: number) => Promise<boolean>
  /** A tool that calls the issuer's downstream URL. */
  readonly downstreamTool?: string
}
