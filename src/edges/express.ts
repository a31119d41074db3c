import type { RequestHandler } from 'express'
import { requireScopes } from '../bearer/assert-scopes.ts'
import { authInfoOf } from '../bearer/auth-info.ts'
import { createGate, type Decision } from '../bearer/authenticator.ts'
import type { ProofCheck } from '../bearer/dpop.ts'
import { protectedResourceMetadataUrl } from '../metadata/protected-resource.ts'
import type { TokenValidator, ValidatedToken } from '../token-validator.ts'

declare global {
  namespace Express {
    interface Request {
      /** Set by `bearerAuth`: the token as it was accepted. */
      token?: ValidatedToken
    }
  }
}

export interface BearerAuthOptions {
  validator: TokenValidator
  /** Identifier of this server (RFC 8707); the URL of its metadata follows from it (RFC 9728 §3.1). */
  resource: string
  /** Scopes that a client should ask for at first. Default: none. */
  defaultScopes?: readonly string[]
  /** Scopes that every request behind this middleware needs. Default: none. */
  requiredScopes?: readonly string[]
  /** Checks proofs of possession: `createProofCheck`. Default: tokens that are bound to a key are refused. */
  dpop?: ProofCheck
  /** Told every decision, for logs and metrics. Must not throw. */
  onDecision?: (decision: Decision) => void
}

/**
 * Express middleware that lets only requests with a good access token pass. Sets `req.token`, and `req.auth` in the shape
 * that the MCP SDKs' transports hand on to tools. Put it before the body parser: a refused request then costs no body.
 *
 * Answers by itself with 400, 401, 403, 500 or 503; see `refusal` for the table.
 */
export function bearerAuth(options: BearerAuthOptions): RequestHandler {
  const { validator, requiredScopes = [] } = options
  const gate = createGate({
    validator,
    resourceMetadataUrl: protectedResourceMetadataUrl(options.resource),
    defaultScopes: options.defaultScopes ?? requiredScopes,
    dpop: options.dpop,
    onDecision: options.onDecision,
  })
  return async (req, res, next) => {
    let token: ValidatedToken | undefined
    try {
      token = await gate.authenticate(req)
      requireScopes(token, requiredScopes)
    } catch (error) {
      gate.refuse(res, error, token)
      return
    }
    gate.accept(token)
    req.token = token
    const auth = authInfoOf(token, req.headers.authorization, options.resource)
    Object.assign(req, { auth })
    next()
  }
}
