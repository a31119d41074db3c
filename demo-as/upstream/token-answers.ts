import { AsyncLocalStorage } from 'node:async_hooks'
import { isTokenRequest } from './token-errors.ts'
import type { Keep } from './upstream.ts'

type Fetch = typeof globalThis.fetch

/** What becomes of the answer of a token endpoint. */
export interface TokenAnswer {
  /** An earlier answer to the same request, which is not made again. */
  known?: unknown
  /** Given an answer before anybody looks into it, and waited for. */
  keep: Keep
}

export interface TokenAnswers {
  readonly fetch: Fetch
  /** Has the token request of `ask` answered as `answer` says. Made once more, it gets the same answer. */
  during<T>(answer: TokenAnswer, ask: () => Promise<T>): Promise<T>
}

/**
 * Tokens are given once. The library checks what came with them (signature, claims) before it hands them over, and what it cannot check, for
 * want of a key, it drops. So they are taken where they arrive.
 */
export function createTokenAnswers(fetch: Fetch): TokenAnswers {
  const current = new AsyncLocalStorage<TokenAnswer>()
  return {
    during: (answer, ask) => current.run({ ...answer }, ask),

    async fetch(input, init) {
      const answer = current.getStore()
      if (!answer || !isTokenRequest(init)) return fetch(input, init)
      if (answer.known !== undefined) return Response.json(answer.known)
      const response = await fetch(input, init)
      if (!response.ok) return response
      const tokens = tokensIn(await response.clone().text())
      if (!tokens) return response
      await answer.keep(tokens)
      answer.known = tokens
      return Response.json(tokens)
    },
  }
}

/** Members of a token response (RFC 6749 §5.1, OpenID Connect Core 1.0 §3.1.3.3) that are of use here. */
const MEMBERS = ['access_token', 'token_type', 'refresh_token', 'id_token']

/**
 * Tokens in the body of a response; `undefined` where it is something else, for the library to refuse. It refuses much that says nothing about the
 * person too: members that are `null` or empty where a provider gives none, and members that nobody looks at. These are left out.
 */
function tokensIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const body = JSON.parse(text)
    if (typeof body?.access_token !== 'string') return undefined
    return Object.fromEntries(MEMBERS.filter(name => body[name]).map(name => [name, body[name]]))
  } catch {
    return undefined
  }
}
