import { requireBearerAuth as modernMiddleware } from '@modelcontextprotocol/express'
import { requireBearerAuth as legacyMiddleware } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { OAuthError } from '@modelcontextprotocol/server'
import express from 'express'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type AuthorizationError,
  InsufficientScopeError,
  InvalidRequestError,
  InvalidTokenError,
  MisconfigurationError,
  MissingTokenError,
  ValidatorUnavailableError,
} from '../src/errors.ts'
import { toSdkError } from '../src/sdk-errors.ts'
import { listen } from './support/http.ts'

const endpoint = 'https://issuer.example/introspect'
const cases: { error: AuthorizationError; status: number; code: string; challenged: boolean }[] = [
  { error: new InvalidTokenError({ kind: 'inactive' }), status: 401, code: 'invalid_token', challenged: true },
  { error: new MissingTokenError(), status: 401, code: 'invalid_token', challenged: true },
  { error: new InsufficientScopeError(['a'], []), status: 403, code: 'insufficient_scope', challenged: true },
  {
    error: new InvalidRequestError({ kind: 'token_in_query' }),
    status: 400,
    code: 'invalid_request',
    challenged: false,
  },
  {
    error: new ValidatorUnavailableError({ kind: 'provider_timeout', endpoint, seconds: 5 }),
    status: 500,
    code: 'server_error',
    challenged: false,
  },
  {
    error: new MisconfigurationError({ kind: 'own_credentials_refused', endpoint, status: 401 }),
    status: 500,
    code: 'server_error',
    challenged: false,
  },
]

describe.each([
  { sdk: '@modelcontextprotocol/sdk 1.x', middleware: legacyMiddleware },
  { sdk: '@modelcontextprotocol/express 2.x', middleware: modernMiddleware },
])('requireBearerAuth of $sdk', ({ middleware }) => {
  it.each(cases)('answers $error.name with $status $code', async ({ error, status, code, challenged }) => {
    const app = express()
    app.use(
      middleware({
        verifier: { verifyAccessToken: () => toSdkError(error).then(translated => Promise.reject(translated)) },
      }),
    )
    const { origin, close } = await listen(app)
    onTestFinished(close)
    const response = await fetch(origin, { headers: { Authorization: 'Bearer x' } })
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({ error: code, error_description: error.publicMessage })
    expect(response.headers.has('www-authenticate')).toBe(challenged)
  })
})

it('keeps the reason for the log, as the cause', async () => {
  const error = new InvalidTokenError({ kind: 'inactive' })
  const sdkError = (await toSdkError(error)) as Error
  expect(sdkError.cause).toBe(error)
  expect(sdkError.message).not.toContain('inactive')
})

it('marks one error without marking its class', async () => {
  await toSdkError(new MissingTokenError())
  expect(new MissingTokenError() instanceof OAuthError).toBe(false)
})
