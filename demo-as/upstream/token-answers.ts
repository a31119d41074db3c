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
      const text = await response.text()
      const tokens = tokensIn(text)
      if (tokens) {
        await answer.keep(tokens)
        answer.known = tokens
      }
      const { status, headers } = response
      return new Response(text, { status, headers })
    },
  }
}

/** Members of a token response (RFC 6749 §5.1); `undefined` where it is something else, for the library to refuse. */
function tokensIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const body = JSON.parse(text)
    return typeof body?.access_token === 'string' ? body : undefined
  } catch {
    return undefined
  }
}
