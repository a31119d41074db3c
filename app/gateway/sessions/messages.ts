// Messages are looked at, not validated: what came from a client was checked, and what came from the server is passed on.

export type RequestId = string | number

export interface Message {
  readonly jsonrpc: '2.0'
  readonly id?: RequestId | null
  readonly method?: string
  readonly params?: Params
  readonly result?: { readonly _meta?: Meta; readonly [member: string]: unknown }
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

export interface Params {
  readonly _meta?: Meta
  readonly progressToken?: unknown
  readonly requestId?: unknown
  readonly [member: string]: unknown
}

type Meta = Readonly<Record<string, unknown>>

export type Request = Message & { readonly id: RequestId; readonly method: string }
export type Notification = Message & { readonly method: string }

export function isRequest(message: Message): message is Request {
  return typeof message.method === 'string' && isId(message.id)
}

export function isNotification(message: Message): message is Notification {
  return typeof message.method === 'string' && message.id === undefined
}

export function isResponse(message: Message): message is Message & { readonly id: RequestId } {
  return message.method === undefined && isId(message.id) && ('result' in message || 'error' in message)
}

export function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isId(value: unknown): value is RequestId {
  return typeof value === 'string' || typeof value === 'number'
}
