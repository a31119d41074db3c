import { expect } from 'vitest'
import type { Received } from './send.ts'

const METADATA = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp'

export interface ExpectedRefusal {
  readonly status: number
  /** `error` of the body. Default: none. */
  readonly error?: string
  /** Parameters of the Bearer challenge other than its description. Default: there is no challenge. */
  readonly challenge?: Readonly<Record<string, string>>
}

export const challenge = (parameters: { error?: string; scope: string }) => ({
  ...parameters,
  resource_metadata: METADATA,
})

/** A refusal of ours, whole: what a client, a person, a log and a web page need of it. */
export function expectRefusal({ status, headers, json }: Received, expected: ExpectedRefusal): void {
  const body = json() as Record<string, unknown>
  expect({ status, error: body.error }).toEqual({ status: expected.status, error: expected.error })
  expect(headers['content-type']).toMatch(/^application\/json/)
  expect(body).toMatchObject({
    error_description: expect.stringMatching(/\w+ \w+.*\.$/),
    request_id: expect.any(String),
  })
  expect(headers['x-request-id']).toBe(body.request_id)
  expect(parametersOf(headers['www-authenticate'])).toEqual(expected.challenge)
  expectReadable(headers)
}

/** A web page may read the answer, and what its headers say about it. */
export function expectReadable(headers: Received['headers']): void {
  expect(headers['access-control-allow-origin']).toBe('*')
  expect(headers['access-control-expose-headers']).toMatch(/\bWWW-Authenticate\b.*\bRetry-After\b.*\bMcp-Session-Id\b/)
}

/** @returns `undefined` where there is no challenge. */
function parametersOf(header: string | undefined): Record<string, string> | undefined {
  if (header === undefined) return undefined
  expect(header).toMatch(/^Bearer (?:\w+="(?:[^"\\]|\\.)*"(?:, |$))+$/)
  const parameters = Object.fromEntries(
    [...header.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name, value]),
  )
  const { error_description: description, ...others } = parameters
  expect(description !== undefined).toBe(others.error !== undefined)
  return others
}
