import type { Access } from 'idplug'

/** How a target learns who is calling. */
export interface CallerIdentity {
  /** Headers for the target, names in lower case. Empty for an anonymous caller. */
  headersFor(access: Access): Promise<Readonly<Record<string, string>>>
  /** Whether a header of a client is taken out, because the target would believe it: in any spelling that servers read as one of ours. */
  owns(headerName: string): boolean
  close(): Promise<void>
}
