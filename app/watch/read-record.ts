import { clip, type WatchRecord } from 'idplug/internal'
import { z } from 'zod'

// Members that a later version adds are passed over. One that is of another type than here makes a line that is no record: what shows
// records takes their members as they are.

const text = z.string()
/** What `Date` can show, in milliseconds since the Unix epoch. */
const at = z.number().min(0).max(8.64e15)
const operation = z.object({ method: text, name: text.optional() })

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])
/** Facts of the log: they are put into sentences, where an object of somebody's making could do anything. */
const fact = z.union([scalar, z.array(scalar), z.unknown().transform(clip)])
const facts = z.record(z.string(), fact)

const request = {
  at,
  method: text,
  path: text.optional(),
  agent: text.optional(),
  address: text.optional(),
  origin: text.optional(),
  connection: z.number().optional(),
  status: z.number().optional(),
}

const event = z.object({ type: z.literal('event'), at, event: text, client_id: text.optional(), facts })

const record: z.ZodType<WatchRecord> = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('resource'),
    format: z.number(),
    pid: z.number(),
    resource: text,
    name: text,
    own_issuer: text.optional(),
  }),
  z.object({
    type: z.literal('authorization_server'),
    format: z.number(),
    pid: z.number(),
    issuer: text,
    registers: z.boolean(),
    reads_documents: z.boolean(),
  }),
  z.object({
    type: z.literal('request'),
    ...request,
    resource: text,
    place: z.enum(['endpoint', 'resource_metadata', 'server_metadata', 'elsewhere']),
    credentials: text.optional(),
    protocol: text.optional(),
    challenge: z
      .object({ resource_metadata: text.optional(), scope: text.optional(), error: text.optional() })
      .optional(),
    reason: z.object({ kind: text }).catchall(fact).optional(),
    operation: operation.optional(),
    client_info: z.object({ name: text, version: text }).optional(),
    client_id: text.optional(),
    caller: z.number().optional(),
    scopes: z.array(text).optional(),
    request_id: text.optional(),
    issuers: z.array(text).optional(),
  }),
  z.object({
    type: z.literal('server_request'),
    ...request,
    issuer: text,
    place: z.enum([
      'server_metadata',
      'registration',
      'authorization',
      'sign_in',
      'signed_in',
      'consent',
      'return',
      'token',
      'revocation',
      'device',
      'elsewhere',
    ]),
    flows: z.array(text).optional(),
    query: z
      .object({
        client_id: text.optional(),
        scope: text.optional(),
        resource: text.optional(),
        redirect_origin: text.optional(),
        code_challenge_method: text.optional(),
        prompt: text.optional(),
      })
      .optional(),
    error: text.optional(),
    error_description: text.optional(),
    events: z.array(event),
  }),
  event,
  z.object({
    type: z.literal('calls'),
    at,
    resource: text,
    caller: z.number(),
    client_id: text,
    operation,
    count: z.number(),
  }),
  z.object({ type: z.literal('lost'), at, count: z.number() }),
])

/** The first line of a server of another version may say other things. */
const hello = z.object({ pid: z.number(), format: z.number() })

/** Whatever is in a record ends up at a terminal: no control characters. */
export function readRecord(line: string): WatchRecord | { readonly format: number } | undefined {
  try {
    const value: unknown = JSON.parse(line, (_name, value) => (typeof value === 'string' ? clip(value) : value))
    return record.safeParse(value).data ?? hello.safeParse(value).data
  } catch {
    return undefined
  }
}
