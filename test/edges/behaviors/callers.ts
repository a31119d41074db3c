import { expect } from 'vitest'
import type { Behavior, MakeWorld } from '../edge-fixture.ts'
import { challenge, expectReadable, expectRefusal } from '../expect-refusal.ts'
import { APP, callTool, files } from '../world.ts'

const bare = { status: 401, challenge: challenge({ scope: 'files:read' }) }

/** A server of which some is open to everybody. */
const makeOpenWorld = (makeWorld: MakeWorld) =>
  makeWorld({
    declaration: {
      ...files,
      access: { ...files.access, anonymous: { methods: ['tools/list'], tools: ['public_notice'] } },
    },
  })

const message = (method: string) => ({ jsonrpc: '2.0', id: 1, method, params: {} })

export const callers: readonly Behavior[] = [
  {
    name: 'tells the handler who is calling, and keeps the raw token from it',
    async run(makeWorld) {
      const { post, issuer, seen } = await makeWorld()
      const token = await issuer.token({ subject: 'grace', scopes: ['files:read'], clientId: 'client-7' })
      const { status, text } = await post(callTool('whoami'), { token })
      expect(status).toBe(200)
      const [call] = seen
      expect(call?.token).toMatchObject({ issuer: issuer.issuer, subject: 'grace', scopes: ['files:read'] })
      expect(call?.authInfo).toMatchObject({ token: '', clientId: 'client-7', scopes: ['files:read'] })
      expect(String(call?.authInfo?.resource)).toBe('https://mcp.example.com/mcp')
      expect(call?.authInfo?.extra?.token).toEqual(call?.token)
      expect(text).not.toContain(token)
    },
  },
  {
    name: 'lets web pages of an allowed origin read what the handler answers, and adds nothing for other clients',
    async run(makeWorld) {
      const { post } = await makeWorld()
      expectReadable((await post(callTool('whoami'), { headers: { origin: APP } })).headers)
      const { headers } = await post(callTool('whoami'))
      expect(headers['access-control-allow-origin']).toBeUndefined()
    },
  },
  {
    name: 'lets a token call the tool whose every scope it has',
    async run(makeWorld) {
      const { post } = await makeWorld()
      const changes = { scopes: ['files:write', 'files:read'] }
      expect((await post(callTool('write_file'), { changes })).status).toBe(200)
    },
  },
  {
    name: 'hands on a HEAD with a token',
    async run(makeWorld) {
      const { sendWithToken } = await makeWorld({ handler: () => new Response(null, { status: 204 }) })
      expect((await sendWithToken({ method: 'HEAD' })).status).toBe(204)
    },
  },
  ...[
    ['an open method', message('tools/list')],
    ['the handshake', message('initialize')],
    ['an open tool', callTool('public_notice')],
    ['a batch of what is open', [message('ping'), callTool('public_notice')]],
  ].map(
    ([name, body]): Behavior => ({
      name: `answers ${name} without a token, and names nobody as the caller`,
      async run(makeWorld) {
        const { post, seen } = await makeOpenWorld(makeWorld)
        expect((await post(body, { token: '' })).status).toBe(200)
        expect(seen).toMatchObject([{ body, token: undefined, authInfo: undefined }])
      },
    }),
  ),
  ...[
    ['another tool', callTool('whoami')],
    ['a batch of which one message is not open', [message('ping'), callTool('whoami')]],
    ['a body that is not JSON', '{'],
    ['a body of more than 64 kB', [...Array(2_000)].map(() => message('tools/list'))],
  ].map(
    ([name, body]): Behavior => ({
      name: `sends a bare 401 challenge to ${name} without a token where something else is open`,
      async run(makeWorld) {
        const { post, seen } = await makeOpenWorld(makeWorld)
        expectRefusal(await post(body, { token: '' }), bare)
        expect(seen).toEqual([])
      },
    }),
  ),
  {
    name: 'answers 401 to a bad token even for what is open',
    async run(makeWorld) {
      const { post } = await makeOpenWorld(makeWorld)
      expectRefusal(await post(message('tools/list'), { token: 'abc' }), {
        status: 401,
        error: 'invalid_token',
        challenge: challenge({ error: 'invalid_token', scope: 'files:read' }),
      })
    },
  },
]
