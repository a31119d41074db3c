import { get } from 'node:http'
import express from 'express'
import { createAuth } from 'idplug'
import { authRoutes, protect } from 'idplug/express'
import type { Mistake } from '../mistake.ts'
import { FILES, mcp, mounted, ownServer } from '../own-server.ts'
import { besideEnvFile, idplug, orProblems } from '../runs.ts'

const RESOURCE = 'http://localhost:3000/mcp'
const login = (url: string) => idplug(['login', url, '--no-browser'])
const declared = (declaration: object) =>
  orProblems(() => createAuth({ ...FILES, resource: RESOURCE, ...declaration } as never, { env: {} }).resource)

/** `authRoutes` alone. */
const unprotected = () =>
  ownServer({
    mount(app, auth) {
      app.use(authRoutes(auth), express.json())
      app.all('/mcp', (req, res) => mcp(req, res, req.body))
    },
  })
const atAnotherPath = () => ownServer({ mount: (app, auth) => mounted(app, auth, '/api/mcp') })

/** A server that uses the library, without a word about what is wrong until somebody runs it. */
export const ownServers: readonly Mistake[] = [
  {
    mistake: 'A scope is misspelled in the declaration, in JavaScript',
    run: 'node server.ts',
    cause: 'access.tools.write_file: names files:wirte, which is not declared',
    fix: 'did you mean files:write?',
    see: () => declared({ access: { tools: { write_file: ['files:wirte'] } } }),
  },
  {
    mistake: 'A member of the declaration is misspelled: `acces`',
    run: 'node server.ts',
    cause: 'acces: is not known',
    fix: 'did you mean access?',
    see: () => declared({ acces: {} }),
  },
  {
    mistake: 'There are scopes, and nothing says which of them a client asks for first',
    run: 'node server.ts',
    cause: 'initialScopes: is missing',
    fix: 'list the scopes that clients request first, and that tools without a rule need',
    see: () => declared({ initialScopes: undefined }),
  },
  {
    mistake: 'The declaration has no `resource`',
    run: 'node server.ts',
    cause: 'resource: is not set: the URL at which clients reach this server',
    fix: 'such as http://localhost:3000/mcp; or set PUBLIC_URL',
    see: () => declared({ resource: undefined }),
  },
  {
    mistake: 'The `resource` has no scheme: `localhost:3000/mcp`',
    run: 'node server.ts',
    cause: 'resource: must start with https://',
    fix: 'http:// is accepted only for localhost',
    see: () => declared({ resource: 'localhost:3000/mcp' }),
  },
  {
    mistake: 'The provider stands in `.env`, which nothing reads: `node server.ts` without `--env-file`',
    run: 'node server.ts',
    cause: 'AUTH_PROVIDER stands in ….env, which nobody has read, so the demo signs people in',
    fix: 'node --env-file=.env',
    see: () => besideEnvFile('AUTH_PROVIDER=auth0\nAUTH0_DOMAIN=acme.eu.auth0.com\n', { ...FILES, resource: RESOURCE }),
  },
  {
    mistake: '`PORT=4000` for a server that is declared at `http://localhost:3000/mcp`',
    run: 'node server.ts',
    cause: 'PORT is 4000, but the declared resource is http://localhost:…/mcp, where clients are sent',
    fix: 'Set PUBLIC_URL=http://localhost:4000 as well',
    see: async () => (await ownServer({ env: { PORT: '4000' } })).told(),
  },
  {
    mistake: '`authRoutes` is forgotten',
    run: 'idplug login URL',
    cause:
      'names its metadata at http://localhost:…/.well-known/oauth-protected-resource/mcp, and there is none (status 404)',
    fix: 'put authRoutes(auth) in front of everything else, at the root',
    async see() {
      const { origin } = await ownServer({
        mount: (app, auth) => void app.all('/mcp', protect(auth), (req, res) => mcp(req, res, req.body)),
      })
      return login(`${origin}/mcp`)
    },
  },
  {
    mistake: '`authRoutes` is mounted below a path: `app.use("/auth", authRoutes(auth))`',
    run: 'idplug login URL',
    cause: 'and there is none (status 404)',
    fix: 'put authRoutes(auth) in front of everything else, at the root',
    async see() {
      const { origin } = await ownServer({
        mount(app, auth) {
          app.use('/auth', authRoutes(auth))
          app.all('/mcp', protect(auth), (req, res) => mcp(req, res, req.body))
        },
      })
      return login(`${origin}/mcp`)
    },
  },
  {
    mistake: '`protect` is forgotten',
    run: 'idplug login URL',
    cause: 'does not ask for a sign-in',
    fix: 'If it should, put protect(auth) in front of the endpoint',
    see: async () => login(`${(await unprotected()).origin}/mcp`),
  },
  {
    mistake: '`protect` is forgotten, seen by the doctor',
    run: 'idplug doctor URL',
    cause: 'The endpoint answers without a token',
    fix: 'Put protect(auth) in front of the endpoint',
    see: async () => idplug(['doctor', `${(await unprotected()).origin}/mcp`]),
  },
  {
    mistake: 'The endpoint is mounted at another path than the declaration says: `/api/mcp`',
    run: 'idplug login URL',
    cause: 'The metadata of http://localhost:…/api/mcp is about another resource, http://localhost:…/mcp',
    fix: 'Use http://localhost:…/mcp. If the server is yours, and this URL is right, declare it as the resource, or set PUBLIC_URL',
    see: async () => login(`${(await atAnotherPath()).origin}/api/mcp`),
  },
  {
    mistake: 'The same, seen by the doctor',
    run: 'idplug doctor URL',
    cause: 'resource is http://localhost:…/mcp; clients connect to http://localhost:…/api/mcp',
    fix: 'declare this path as the resource',
    see: async () => idplug(['doctor', `${(await atAnotherPath()).origin}/api/mcp`]),
  },
  {
    mistake: '`http://127.0.0.1:3000/mcp` for a server that is declared at `http://localhost:3000/mcp`',
    run: 'idplug login URL',
    cause: 'The metadata of http://127.0.0.1:…/mcp is about another resource, http://localhost:…/mcp',
    fix: 'Use http://localhost:…/mcp.',
    async see() {
      const { origin } = await ownServer()
      return login(`${origin.replace('localhost', '127.0.0.1')}/mcp`)
    },
  },
  {
    mistake: 'A tunnel or proxy in front with a name of its own, and no `PUBLIC_URL`',
    run: 'curl',
    cause: 'This server does not serve the host named in the request',
    fix: 'set PUBLIC_URL to the URL that clients use',
    async see() {
      const { origin } = await ownServer()
      return new Promise((resolve, reject) => {
        const headers = { host: 'mcp.example.com' }
        get(`${origin}/mcp`, { headers }, async answer => resolve((await answer.toArray()).join(''))).on(
          'error',
          reject,
        )
      })
    },
  },
  {
    mistake: 'A web page of another origin calls the server',
    run: 'the page',
    cause: 'Web pages of this origin may not call this server',
    fix: 'setting ALLOWED_ORIGINS',
    async see() {
      const { origin } = await ownServer()
      const answer = await fetch(`${origin}/mcp`, { method: 'POST', headers: { origin: 'https://app.example.com' } })
      return answer.text()
    },
  },
]
