import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { createAuth } from '../../../auth/create-auth.ts'
import { signIn } from '../../support/browser.ts'
import { freePort } from '../../support/http.ts'
import type { Behavior } from '../edge-fixture.ts'
import { callTool, files } from '../world.ts'

const REDIRECT_URI = 'http://localhost:7777/callback'

async function json(url: string | undefined, init?: RequestInit): Promise<Record<string, string>> {
  const response = await fetch(url ?? '', init)
  expect(response.ok, await response.clone().text()).toBe(true)
  return (await response.json()) as Record<string, string>
}

export const ownServer: readonly Behavior[] = [
  {
    name: 'serves the embedded authorization server: a client finds it, registers, signs in and calls',
    async run(makeWorld) {
      const port = await freePort()
      const origin = `http://127.0.0.1:${port}`
      const resource = `${origin}/mcp`
      const auth = createAuth({ ...files, resource }, { env: {}, observer: {} })
      const { post } = await makeWorld({ mounted: [{ path: '/mcp', auth }], port })

      const server = await json(`${origin}/.well-known/oauth-authorization-server`)
      expect(server.issuer).toBe(origin)
      expect(await json(`${origin}/.well-known/oauth-authorization-server/mcp`)).toMatchObject({ issuer: origin })
      const { client_id = '' } = await json(server.registration_endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'none' }),
      })

      const code_verifier = randomBytes(32).toString('base64url')
      const request = new URL(server.authorization_endpoint ?? '')
      request.search = new URLSearchParams({
        response_type: 'code',
        client_id,
        redirect_uri: REDIRECT_URI,
        scope: 'files:read',
        resource,
        code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
        code_challenge_method: 'S256',
      }).toString()
      const code = (await signIn(request)).searchParams.get('code') ?? ''
      const grant = {
        grant_type: 'authorization_code',
        code,
        redirect_uri: REDIRECT_URI,
        code_verifier,
        client_id,
        resource,
      }
      const { access_token: token } = await json(server.token_endpoint, {
        method: 'POST',
        body: new URLSearchParams(grant),
      })

      const { status, json: answer } = await post(callTool('read_file'), { token })
      expect([status, answer()]).toEqual([
        200,
        expect.objectContaining({ token: expect.objectContaining({ subject: 'ada' }) }),
      ])
      expect((await post(callTool('write_file'), { token })).status).toBe(403)
    },
  },
]
