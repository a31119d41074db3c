import { expect, it, onTestFinished } from 'vitest'
import { checks } from '../../../app/conformance/checks/index.ts'
import type { Exchange, HeaderFields, WireRequest } from '../../../app/conformance/exchange.ts'
import { hello, type Message } from '../../../app/conformance/messages.ts'
import { chooseChecks, type Result, runChecks } from '../../../app/conformance/run.ts'
import { createTarget, type TargetOptions } from '../../../app/conformance/target.ts'
import { listen } from '../../support/http.ts'
import { challenging, describing, finishing, publishing } from './defects/defect.ts'
import { GOOD, startPlainIssuer } from './plain-issuer.ts'
import { json, withHeader } from './server/message.ts'
import { type Plant, startServer } from './server/server.ts'

const tier0 = checks.filter(({ tier }) => tier === 0)

async function run(plant: Plant, options: TargetOptions = {}): Promise<Result[]> {
  let resource = ''
  const trust = await startPlainIssuer(() => resource)
  const server = await startServer({ trust, mode: 'introspection' }, plant)
  onTestFinished(server.close)
  resource = server.url
  return runChecks(createTarget(server.url, options), tier0)
}

/** What is not as it should be, by verdict. */
const told = (results: readonly Result[], verdict: Result['verdict']) =>
  results.filter(each => each.verdict === verdict).map(({ check }) => check.id)
const ofCheck = (results: readonly Result[], wanted: string) => results.find(({ check }) => check.id === wanted)

const isOf = (version: string) => (body: string) => body.includes(`"${version}"`)

/** Refuses what is of another revision before it asks for a token. */
const onlyRevision =
  (spoken: (body: string) => boolean): Plant =>
  parts => ({
    ...parts,
    async isOpen(request) {
      if (request.method === 'POST' && !spoken(await request.body())) throw new Error('another revision')
      return false
    },
    finish: (answer, request) => parts.finish(answer.status === 500 ? { ...answer, status: 400 } : answer, request),
  })

it('a server that answers what it does not speak with status 200 and an error is asked in another revision', async () => {
  const results = await run(parts => {
    const planted = onlyRevision(isOf('2026-07-28'))(parts)
    const error = { jsonrpc: '2.0', id: null, error: { code: -32022, message: 'This revision is not spoken here.' } }
    return {
      ...planted,
      finish: (answer, request) => (answer.status === 500 ? json(200, error) : parts.finish(answer, request)),
    }
  })
  expect(told(results, 'fail')).toEqual([])
  expect(ofCheck(results, 'C13')?.because).toMatch(/refused, though not with 401: initialize \(2025-11-25\) status 200/)
})

it.each([
  ['2026-07-28', onlyRevision(isOf('2026-07-28'))],
  ['2025-11-25', onlyRevision(body => !isOf('2026-07-28')(body))],
])('a server of %s only fails nothing', async (version, plant) => {
  const withoutStreams = finishing((answer, { method }) =>
    method === 'GET' || method === 'DELETE' ? { status: 405, headers: {}, body: '' } : answer,
  )
  const isStream = (pathname: string) => pathname === '/mcp'
  const both: Plant = parts => {
    const planted = plant(parts)
    const streamless = withoutStreams(planted)
    return {
      ...planted,
      finish: (answer, request) => (isStream(request.url.pathname) ? streamless : planted).finish(answer, request),
    }
  }
  const results = await run(both)
  expect(told(results, 'fail')).toEqual([])
  // What is not JSON is not of that revision either.
  expect(told(results, 'warn')).toEqual(version === '2026-07-28' ? ['C15'] : [])
  expect(ofCheck(results, 'C13')?.because).toMatch(/refused, though not with 401/)
})

it('a server without scopes is not asked for any', async () => {
  const results = await run(parts =>
    publishing(metadata => ({ ...metadata, scopes_supported: undefined }))(
      challenging(field => field.replace(/, scope="[^"]+"/, ''))(parts),
    ),
  )
  expect(told(results, 'fail')).toEqual([])
  expect(told(results, 'warn')).toEqual([])
  expect(told(results, 'skipped')).toEqual(['C05', 'P17', 'P20', 'P27'])
})

it('metadata at the root alone is found, and is a warning by RFC 9728', async () => {
  const root = '/.well-known/oauth-protected-resource'
  const results = await run(parts =>
    describing((answer, path) => (path === root ? answer : json(404, {})))(
      challenging(field => field.replace(/resource_metadata="[^"]+", /, ''))(parts),
    ),
  )
  expect(told(results, 'fail')).toEqual([])
  expect(told(results, 'warn')).toEqual(['P01'])
  expect(ofCheck(results, 'C04')?.because).toMatch(/at the root/)
})

it('metadata at the well-known URL is read where the challenge leads nowhere', async () => {
  const results = await run(challenging(field => field.replace('oauth-protected', 'missing')))
  expect(told(results, 'fail')).toEqual([])
  expect(told(results, 'warn')).toEqual(['C04'])
  expect(told(results, 'skipped')).toEqual(['P06', 'P20', 'P26', 'P27'])
})

it('DPoP and other schemes beside Bearer are read', async () => {
  const results = await run(challenging(field => `Negotiate, ${field}, DPoP algs="ES256", Custom abc==`))
  expect(told(results, 'fail')).toEqual([])
  expect(told(results, 'warn')).toEqual([])
})

it('Bearer may stand without parameters beside DPoP, as RFC 9449 shows it', async () => {
  const results = await run(challenging(field => `Bearer, ${field.replace('Bearer', 'DPoP algs="ES256",')}`))
  expect(ofCheck(results, 'C07')).toMatchObject({ verdict: 'pass' })
})

it('an authorization server that this kit does not call is no mistake of the server', async () => {
  const target = createTarget('https://mcp.example.com/mcp')
  const answer = (request: Partial<WireRequest>, status: number, value: unknown): Exchange => {
    const text = JSON.stringify(value)
    const whole = { method: 'POST', url: target.url, headers: {}, ...request }
    return { request: whole, status, headers: new Headers(), text, json: value as Exchange['json'], milliseconds: 1 }
  }
  const send = async (request: Partial<WireRequest>) => {
    if (request.url?.includes('oauth-protected-resource')) {
      return answer(request, 200, { resource: target.url, authorization_servers: ['https://10.0.0.1'] })
    }
    return request.url === undefined ? answer(request, 401, {}) : target.send(request)
  }
  const call = (message: Message, headers?: HeaderFields) => send({ headers: { ...message.headers, ...headers } })
  const [result] = await runChecks({ ...target, send, call }, chooseChecks(checks, ['P12']).chosen)
  expect(result).toMatchObject({ verdict: 'skipped', because: expect.stringMatching(/not called: .*private address/) })
})

it('methods that are declared open may be called without a token, and others are tried in their place', async () => {
  const openMethods = ['initialize', 'tools/list', 'server/discover', 'ping']
  const plant: Plant = parts => ({
    ...parts,
    async isOpen(request) {
      const body = request.method === 'POST' ? await request.body() : ''
      return openMethods.some(method => body.includes(`"${method}"`))
    },
  })
  const declared = await run(plant, { openMethods })
  expect(told(declared, 'fail')).toEqual([])
  const undeclared = await run(plant)
  expect(told(undeclared, 'fail')).toEqual(['C01', 'C13'])
  expect(ofCheck(undeclared, 'C01')?.because).toMatch(/--anonymous/)
})

it('a server that protects nothing fails what it does, and not what follows from it', async () => {
  const results = await run(parts => ({ ...parts, isOpen: () => true }))
  expect(told(results, 'fail')).toEqual(['C01', 'C13'])
  expect(told(results, 'skipped')).toEqual(expect.arrayContaining(['C02', 'C03', 'C05', 'C06', 'B04', 'B09']))
})

it('a public server that lets pages of every origin call it is not wrong', async () => {
  const results = await run(parts => ({ ...parts, originIsGood: () => true }), { tokens: { token: GOOD } })
  expect(ofCheck(results, 'C16')).toMatchObject({ verdict: 'warn' })
})

it('waits for a server that limits requests, and says nothing where it goes on limiting', async () => {
  let calls = 0
  const plant = (every: number): Plant =>
    finishing(answer => {
      calls++
      return calls % every === 0 ? withHeader({ ...answer, status: 429 }, 'retry-after', '0') : answer
    })
  const sometimes = await run(plant(3))
  expect(told(sometimes, 'fail')).toEqual([])
  const always = await run(plant(1))
  expect(told(always, 'fail')).toEqual([])
  expect(ofCheck(always, 'C01')?.because).toMatch(/limits requests/)
}, 600_000)

it.each([
  ['https://10.0.0.1/metadata', /private address/],
  ['https://[fd00::1]/metadata', /private address/],
  ['https://169.254.169.254/latest/meta-data', /private address/],
  ['https://127.0.0.1/metadata', /machine that asks/],
  ['http://localhost:3000/metadata', /machine that asks/],
  ['http://id.example/metadata', /http:/],
  ['https://user:password@id.example/metadata', /credentials/],
  ['file:///etc/passwd', /scheme/],
  ['no URL', /no absolute URL/],
])('a public server that names %s does not have it called', async (url, reason) => {
  const found = await createTarget('https://mcp.example.com/mcp').send({ method: 'GET', url })
  expect(found.status).toBe(0)
  expect(found.failure).toMatch(reason)
})

it('a redirect is not followed, and a body without end is cut', async () => {
  let followed = 0
  const { origin, close } = await listen((request, response) => {
    if (request.url === '/elsewhere') followed++
    if (request.url === '/redirect') return void response.writeHead(307, { location: '/elsewhere' }).end()
    response.writeHead(200, { 'content-type': 'text/plain' })
    const write = () => {
      while (response.write('a'.repeat(65_536)));
      response.once('drain', write)
    }
    write()
  })
  onTestFinished(close)
  const target = createTarget(`${origin}/redirect`)
  expect((await target.call(hello('2025-11-25'))).status).toBe(307)
  expect(followed).toBe(0)
  expect((await target.send({ method: 'GET', url: `${origin}/long` })).text.length).toBe(1_048_576)
})

it('a server that never answers costs the time that was given, and nothing else', async () => {
  const { origin, close } = await listen(() => {})
  onTestFinished(close)
  const target = createTarget(origin, { timeoutMilliseconds: 100 })
  const [result] = await runChecks(target, chooseChecks(checks, ['C01']).chosen)
  expect(result).toMatchObject({ verdict: 'fail', because: 'no answer (no answer in time)' })
})
