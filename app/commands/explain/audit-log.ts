import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { clip } from 'idplug/internal'
import { jsonObject } from '../../json-object.ts'

/** A refusal as the audit log has it. Holds no token. */
export interface LoggedRefusal {
  readonly id: string
  /** As it was logged, ISO 8601. */
  readonly time: string
  readonly status: number
  /** `kind` of the reason. */
  readonly reason: string
  /** What the reason says beside its kind. */
  readonly facts: Readonly<Record<string, unknown>>
  /** Issuer, subject and client, where they were known. */
  readonly who?: string
}

/**
 * Finds the refusal that a client was told the id of, in JSON lines of the server's log. Lines of others are passed over.
 *
 * @returns `undefined` when no line has the id.
 */
export async function findRefusal(log: Readable, id: string): Promise<LoggedRefusal | undefined> {
  for await (const line of createInterface({ input: log, crlfDelay: Number.POSITIVE_INFINITY })) {
    // Parsing every line of a large log would take its time.
    const entry = line.includes(id) ? jsonObject(line) : undefined
    if (entry?.request_id !== id || typeof entry.event !== 'string') continue
    const { event, reason, facts, status, time, issuer, subject, client_id: client } = entry
    const known = [issuer, subject, client].filter(value => value !== undefined)
    return {
      id,
      time: clip(time ?? ''),
      status: Number(status ?? 200),
      reason: clip(reason ?? event),
      facts: typeof facts === 'object' && facts !== null ? (facts as Record<string, unknown>) : {},
      who: known.length > 0 ? clip(known.join(', ')) : undefined,
    }
  }
  return undefined
}
