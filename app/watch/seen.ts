import type { WatchRecord } from 'idplug/internal'
import type { Phase, SilenceName } from './attempt.ts'

/** Why a client got no further, and what ends it. */
export interface Problem {
  /** Stable name, for programs. */
  readonly code: string
  readonly means: string
  readonly fix: string
  /** Page of the documentation. */
  readonly see: string
}

/** One request as a step of a sign-in. */
export interface Seen {
  readonly step: StepName
  /** What the client asked for. */
  readonly asked: string
  readonly status?: number | undefined
  /** What it was told. */
  readonly answered: string
  /** How far it has come with that. Default: no further. */
  readonly phase?: Phase
  /** Absent where nothing has to come. */
  readonly expects?: { readonly silence: SilenceName; readonly next: string; readonly seconds?: number }
  /** What stands in the way. */
  readonly problem?: Problem
}

/** A place of our authorization server, or what it is about elsewhere. */
export type StepName =
  | Extract<WatchRecord, { type: 'server_request' }>['place']
  | 'mcp'
  | 'preflight'
  | 'resource_metadata'
  | 'refresh'
