import { describe, expect, it, onTestFinished } from 'vitest'
import { callTool } from './call-tool.ts'
import { type SignIn, startSignIn } from './world.ts'

/** A server of somebody else's with the tools `whoami`, which answers with the client's id, and `write_file`. */
export interface Fit {
  readonly name: string
  /** Default `/mcp`. */
  readonly path?: string
  start(signIn: SignIn): Promise<{ readonly origin: string; close(): Promise<unknown> }>
  /** What an outage is answered with, where the framework does not let 503 through. Default 503. */
  readonly outage?: number
}

/** What has to hold wherever a line of idplug stands in a framework, over real HTTP. */
export function describeFit({ name, path, start, outage = 503 }: Fit): void {
  describe(name, () => {
    async function world() {
      const signIn = await startSignIn()
      const { origin, close } = await start(signIn)
      onTestFinished(async () => void (await close()))
      return {
        ...signIn,
        call: (tool: string, token?: string) => callTool(origin, tool, token, path),
        readOnly: () => signIn.issuer.token({ scopes: ['files:read'] }),
      }
    }

    it('sends a challenge to a client without a token', async () => {
      const { call } = await world()
      const response = await call('whoami')
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toContain(
        'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"',
      )
    })

    it('runs a tool, which knows who is calling', async () => {
      const { call, readOnly } = await world()
      const response = await call('whoami', await readOnly())
      expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('test-client')])
    })

    it('refuses an expired token with 401 invalid_token', async () => {
      const { call, issuer } = await world()
      const response = await call('whoami', await issuer.token({ scopes: ['files:read'], expiresInSeconds: -60 }))
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
    })

    it(`answers ${outage} in an outage, and never 401`, async () => {
      const { call, issuer, readOnly } = await world()
      issuer.goDown()
      expect((await call('whoami', await readOnly())).status).toBe(outage)
    })

    it('does not run a tool beyond the scopes of the token', async () => {
      const { call, readOnly } = await world()
      const response = await call('write_file', await readOnly())
      expect(response.status).toBe(403)
      expect(response.headers.get('www-authenticate')).toContain('scope="files:read files:write"')
    })

    it('runs that tool for a token that has them', async () => {
      const { call, issuer } = await world()
      const response = await call('write_file', await issuer.token({ scopes: ['files:read', 'files:write'] }))
      expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('written')])
    })
  })
}
