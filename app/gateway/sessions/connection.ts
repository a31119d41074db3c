import type { ValidatedToken } from 'idplug'
import type { Call } from '../target.ts'
import type { Refusal } from './answers.ts'

/** A way to a server that speaks JSON-RPC in both directions. */
export interface Connection {
  /** Why it ended; `undefined` while it lasts. */
  readonly ended: ConnectionEnd | undefined
  /** Resolves when it has ended, and nothing of it is left. Never rejects. */
  readonly gone: Promise<void>
  /**
   * Sends a message. Nothing happens when the connection has ended.
   *
   * @param identity - Headers that say whose message it is, where the connection has headers. Default: those of the message before.
   */
  send(message: object, identity?: Call['identity']): void
  /** Resolves when what was sent has been taken as far as a client has to wait for it, or the connection has ended. */
  drained(): Promise<void>
  /** No more messages until `resume`; the server then waits as well. */
  pause(): void
  resume(): void
  /** Ends it. Idempotent. */
  stop(): Promise<void>
}

export interface ConnectionEnd {
  /** In words, for the log. */
  readonly reason: string
  /** What clients are told. Default: that the server ended, with the reason. */
  readonly refusal?: Refusal
}

export interface ConnectionHandlers {
  /** @returns What is wrong with it, in words for the log; `undefined` where nothing is. */
  readonly onMessage: (message: object) => string | undefined
  /** Something came that is JSON, and not JSON-RPC. What it seems to answer fails at once. */
  readonly onMalformed: (value: unknown) => void
  /** Called once. Messages do not come any more. */
  readonly onEnd: (end: ConnectionEnd) => void
  /** The server did not take a message; `id` is that of the message. */
  readonly onRefused: (id: unknown, refusal: Refusal) => void
}

export type Person = Pick<ValidatedToken, 'issuer' | 'subject' | 'clientId'>

/** What a connection is opened for. */
export interface Opening {
  /** `undefined` for anonymous callers. */
  readonly person: Person | undefined
  /** Whether other clients of the person use it, too. */
  readonly isShared: boolean
  /** Of the request that it is opened for. */
  readonly identity: Call['identity']
}
