import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Access, type AuthInfo, createAuth } from 'idplug'
import { createTestIssuer, type TestTokenChanges } from 'idplug/testing'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type CallerIdentity, createCallerIdentity, type IdentityChoice } from '../../../app/gateway/identity.ts'
import { assertionKeysAnswer } from '../../../app/gateway/identity-assertion.ts'
import { type AssertionKeys, createAssertionKeys } from '../../../app/gateway/identity-keys.ts'
import { type Listening, listen } from '../../support/http.ts'

const GATEWAY = 'https://mcp.example.com'
const TARGET = 'http://127.0.0.1:8000/mcp'
const HOUR = 3_600_000

const testIssuer = createTestIssuer()
const auth = createAuth(
  {
    name: 'Files',
    resource: 'http://localhost:3000/mcp',
    scopes: { 'files:read': 'Read', 'files:write': 'Write' },
    initialScopes: ['files:read'],
    access: { anonymous: { methods: ['tools/list'] } },
  },
  { env: {}, providers: [testIssuer.provider] },
)

async function accessOf(changes?: TestTokenChanges): Promise<Access> {
  const authorization = changes && `Bearer ${await testIssuer.token(changes)}`
  const access = await auth.authenticate({
    method: 'POST',
    url: '/mcp',
    header: name => {
      const value = { host: 'localhost:3000', authorization }[name.toLowerCase()]
      return value === undefined ? [] : [value]
    },
  })
  if (access.outcome !== 'accepted') throw new Error(JSON.stringify(access))
  return access
}

let time: number
const now = () => time
let keys: AssertionKeys

beforeEach(() => {
  time = Date.parse('2026-11-30T12:00:00Z')
  keys = createAssertionKeys({ now })
})

function identityOf(choice: IdentityChoice, with_: { keys?: AssertionKeys } = {}): CallerIdentity {
  return createCallerIdentity(choice, { issuer: GATEWAY, audience: TARGET, keys: with_.keys ?? keys, now })
}

const verify = async (jwt: string, at = time) =>
  jwtVerify(jwt, createLocalJWKSet(await keys.published()), {
    algorithms: ['ES256'],
    typ: 'mcp-assertion+jwt',
    issuer: GATEWAY,
    audience: TARGET,
    currentDate: new Date(at),
  })

describe('assertion', () => {
  const assertionFor = async (access: Access, identity = identityOf({ kind: 'assertion' })) => {
    const { 'x-mcp-assertion': jwt = '', ...others } = await identity.headersFor(access)
    expect(others).toEqual({})
    return jwt
  }

  test('names the caller, its provider, its client and its scopes for a minute', async () => {
    const jwt = await assertionFor(await accessOf({ subject: 'ada', scopes: ['files:read', 'files:write'] }))
    const { payload } = await verify(jwt)
    expect(payload).toEqual({
      iss: 'https://mcp.example.com',
      aud: 'http://127.0.0.1:8000/mcp',
      sub: 'ada',
      sub_id: { format: 'iss_sub', iss: testIssuer.issuer, sub: 'ada' },
      client_id: 'test-client',
      scope: 'files:read files:write',
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      iat: time / 1000,
      exp: time / 1000 + 60,
    })
    await expect(verify(jwt, time + 61_000)).rejects.toThrow('"exp" claim timestamp check failed')
  })

  test('is not an access token by its type, and holds nothing of the client’s token', async () => {
    const token = await testIssuer.token({ scopes: ['files:read'], claims: { secret_of_the_provider: 'x' } })
    const jwt = await assertionFor(await accessOf({ claims: { secret_of_the_provider: 'x' } }))
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: 'ES256', typ: 'mcp-assertion+jwt', kid: expect.any(String) })
    expect(decodeJwt(jwt)).not.toHaveProperty('secret_of_the_provider')
    expect(jwt).not.toContain(token.split('.')[2])
  })

  test('names the linked identity, under which the things of the person are kept', async () => {
    const access = await accessOf({ subject: 'new-id' })
    const authInfo = access.authInfo as AuthInfo
    const linked = { issuer: 'https://old.example', subject: 'old-id' }
    const jwt = await assertionFor({
      ...access,
      token: access.token,
      authInfo: { ...authInfo, extra: { ...authInfo.extra, identity: linked } },
    })
    expect(decodeJwt(jwt)).toMatchObject({ sub: 'old-id', sub_id: { iss: 'https://old.example', sub: 'old-id' } })
  })

  test('is sent again until it has less than 20 seconds left', async () => {
    const identity = identityOf({ kind: 'assertion' })
    const access = await accessOf({ subject: 'ada' })
    const first = await assertionFor(access, identity)
    time += 40_000
    expect(await assertionFor(access, identity)).toBe(first)
    time += 1_000
    const second = await assertionFor(access, identity)
    expect(decodeJwt(second).exp).toBe(time / 1000 + 60)
  })

  test.each<[string, TestTokenChanges]>([
    ['subject', { subject: 'bob', scopes: ['files:read'] }],
    ['client', { subject: 'ada', clientId: 'other', scopes: ['files:read'] }],
    ['scopes', { subject: 'ada', scopes: ['files:write'] }],
  ])('is never that of a caller with another %s', async (_what, changes) => {
    const identity = identityOf({ kind: 'assertion' })
    const ada = decodeJwt(await assertionFor(await accessOf({ subject: 'ada', scopes: ['files:read'] }), identity))
    const other = decodeJwt(await assertionFor(await accessOf(changes), identity))
    expect(other.jti).not.toBe(ada.jti)
  })

  test('is not sent for an anonymous caller', async () => {
    expect(await identityOf({ kind: 'assertion' }).headersFor(await accessOf())).toEqual({})
  })

  test('rejects when it cannot be signed, so that no request goes out without it', async () => {
    const broken = { ...keys, sign: () => Promise.reject(new Error('no keys')) }
    const identity = identityOf({ kind: 'assertion' }, { keys: broken })
    await expect(identity.headersFor(await accessOf({ subject: 'ada' }))).rejects.toThrow('no keys')
  })
})

describe('keys', () => {
  const signedBy = async (these = keys) => decodeProtectedHeader(await these.sign({}, 'x')).kid
  const published = async (these = keys) => (await these.published()).keys.map(({ kid }) => kid)

  test('publish no private part', async () => {
    const { headers, body } = await assertionKeysAnswer(keys)
    expect(headers).toEqual({ 'content-type': 'application/jwk-set+json', 'cache-control': 'public, max-age=300' })
    expect(body.keys).toEqual([
      {
        kty: 'EC',
        crv: 'P-256',
        alg: 'ES256',
        use: 'sig',
        kid: await signedBy(),
        x: expect.any(String),
        y: expect.any(String),
      },
    ])
  })

  test('rotate after a day: the next one is published for an hour before it signs, the last one until its assertions ended', async () => {
    const first = await signedBy()
    time += 22 * HOUR
    expect(await published()).toEqual([first])
    time += HOUR
    const [, second] = await published()
    expect(second).toEqual(expect.any(String))
    expect(await signedBy()).toBe(first)
    time += HOUR - 1000
    expect(await signedBy()).toBe(first)
    time += 1000
    expect(await signedBy()).toBe(second)
    time += 60_000
    expect(await published()).toEqual([first, second])
    time += 121_000
    expect(await published()).toEqual([second])
  })

  test('announce the next one even after a week in which nobody called', async () => {
    const first = await signedBy()
    time += 7 * 24 * HOUR
    expect(await signedBy()).toBe(first)
    expect(await published()).toHaveLength(2)
  })

  test('are made once for requests that come together', async () => {
    expect(new Set(await Promise.all(Array.from({ length: 20 }, () => signedBy())))).toHaveProperty('size', 1)
  })

  describe('in a file', () => {
    let folder: string
    let file: string
    const open = () => createAssertionKeys({ file, now })

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'idplug-keys-'))
      file = join(folder, 'data', 'assertion-keys.json')
    })
    afterEach(() => rm(folder, { recursive: true }))

    test('outlive a restart, readable by their owner only', async () => {
      const first = await signedBy(open())
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      expect(await signedBy(open())).toBe(first)
    })

    test('are the same for processes that start together', async () => {
      const processes = Array.from({ length: 5 }, open)
      expect(new Set(await Promise.all(processes.map(each => signedBy(each))))).toHaveProperty('size', 1)
    })

    test('are published by every process before the one that made them signs', async () => {
      const [one, other] = [open(), open()]
      const first = await signedBy(one)
      await signedBy(other)
      time += 23 * HOUR
      const announced = await published(one)
      time += 10_000
      expect(announced).toHaveLength(2)
      expect(await published(other)).toEqual(announced)
      time += HOUR
      expect(await signedBy(other)).toBe(announced.find(kid => kid !== first))
      expect(await signedBy(one)).toBe(await signedBy(other))
    })

    test('go on when somebody removes the file', async () => {
      const process = open()
      const first = await signedBy(process)
      await rm(file)
      time += 10_000
      expect(await signedBy(process)).toBe(first)
      expect(await signedBy(open())).toBe(first)
    })

    test('are not overwritten by a file that holds something else, and the error shows none of it', async () => {
      await signedBy(open())
      await writeFile(file, '{"somebody": "else’s"}')
      await expect(signedBy(open())).rejects.toThrow(
        `${file} does not hold the keys of a gateway; move it away, and new ones are made`,
      )
      expect(await readFile(file, 'utf8')).toContain('somebody')
    })

    test('go on when the file cannot be used any more, and say so', async () => {
      const errors: string[] = []
      const process = createAssertionKeys({ file, now, onError: ({ message }) => void errors.push(message) })
      const first = await signedBy(process)
      await writeFile(file, 'half of i')
      time += 10_000
      expect(await signedBy(process)).toBe(first)
      expect(await signedBy(process)).toBe(first)
      expect(errors).toEqual([expect.stringContaining('does not hold the keys of a gateway')])
    })

    test('say what is wrong with a folder that cannot be written', async () => {
      await writeFile(join(folder, 'data'), 'a file')
      await expect(signedBy(open())).rejects.toThrow(/assertion-keys\.json cannot be used \((ENOTDIR|EEXIST)\)/)
    })
  })
})

describe('plain headers', () => {
  const headers = identityHeaders({ kind: 'headers' })

  function identityHeaders(choice: IdentityChoice) {
    return async (changes?: TestTokenChanges) => identityOf(choice).headersFor(await accessOf(changes))
  }

  test('name the caller, its provider, its client and its scopes', async () => {
    expect(await headers({ subject: 'auth0|507f1f77bcf86cd799439011', scopes: ['files:read', 'files:write'] })).toEqual(
      {
        'x-mcp-user': 'auth0|507f1f77bcf86cd799439011',
        'x-mcp-issuer': testIssuer.issuer,
        'x-mcp-client': 'test-client',
        'x-mcp-scopes': 'files:read files:write',
      },
    )
  })

  test('are none for an anonymous caller', async () => {
    expect(await headers()).toEqual({})
  })

  test.each([
    ['a\r\nx-mcp-user: admin', 'a%0D%0Ax-mcp-user:%20admin'],
    [' ada ', '%20ada%20'],
    ['Zoë 😀', 'Zo%C3%AB%20%F0%9F%98%80'],
    ['100%41', '100%2541'],
    ['\u0000\u007f\u0085\u2028', '%00%7F%C2%85%E2%80%A8'],
  ])('carry the subject %j percent-encoded', async (subject, encoded) => {
    const { 'x-mcp-user': value = '' } = await headers({ subject })
    expect(value).toBe(encoded)
    expect(decodeURIComponent(value)).toBe(subject)
  })

  test('keep a scope that has a space in it apart from two scopes', async () => {
    const access = await accessOf({ subject: 'ada' })
    const token = { ...access.token, scopes: ['a b', 'c'] } as never
    expect(
      await identityOf({ kind: 'headers' }).headersFor({ ...access, authInfo: access.authInfo, token }),
    ).toMatchObject({
      'x-mcp-scopes': 'a%20b c',
    })
  })

  test('are refused for a subject that no header can tell apart from others', async () => {
    await expect(headers({ subject: 'ada\ud800' })).rejects.toThrow('characters that a header cannot carry')
  })
})

test('a fixed credential is sent with every request, whoever calls', async () => {
  const identity = identityOf({ kind: 'credential', header: 'X-API-Key', value: 'k-1' })
  expect(await identity.headersFor(await accessOf({ subject: 'ada' }))).toEqual({ 'x-api-key': 'k-1' })
  expect(await identity.headersFor(await accessOf())).toEqual({ 'x-api-key': 'k-1' })
})

test('nothing is sent where the target shall not know who calls', async () => {
  expect(await identityOf({ kind: 'none' }).headersFor(await accessOf({ subject: 'ada' }))).toEqual({})
})

describe('headers of a client', () => {
  const kinds: IdentityChoice[] = [
    { kind: 'assertion' },
    { kind: 'headers' },
    { kind: 'none' },
    { kind: 'credential', header: 'X-API-Key', value: 'k-1' },
  ]

  test.each(
    kinds.flatMap(choice =>
      [
        'authorization',
        'Authorization',
        'x-mcp-user',
        'X-MCP-User',
        'X_MCP_USER',
        'x-mcp_user',
        'x.mcp.user',
        'x_mcp_issuer',
        'X-Mcp-Client',
        'X-MCP-SCOPES',
        'X_mcp_Assertion',
      ].map(name => ({ name, kind: choice.kind, choice })),
    ),
  )('$name is taken out for $kind', ({ choice, name }) => {
    expect(identityOf(choice).owns(name)).toBe(true)
  })

  test('the name of the fixed credential is taken out in every spelling', () => {
    const identity = identityOf({ kind: 'credential', header: 'X-API-Key', value: 'k-1' })
    for (const name of ['x-api-key', 'X_API_KEY', 'x-Api_key']) expect(identity.owns(name)).toBe(true)
  })

  test.each(['content-type', 'mcp-session-id', 'x-mcp-toolsets', 'x-mcp-user-agent', 'mcp-param-user', 'x-api-key'])(
    '%s stays',
    name => {
      expect(identityOf({ kind: 'headers' }).owns(name)).toBe(false)
    },
  )
})

describe('the check of the docs', () => {
  let keyServer: Listening
  let target: Listening
  let keyRequests: number

  beforeEach(async () => {
    time = Date.now()
    keyRequests = 0
    keyServer = await listen(async (_request, response) => {
      keyRequests++
      const { headers, body } = await assertionKeysAnswer(keys)
      response.writeHead(200, headers).end(JSON.stringify(body))
    })
    vi.stubEnv('GATEWAY', keyServer.origin)
    vi.stubEnv('SELF', TARGET)
    vi.resetModules()
    const { caller } = await import('../../../docs/examples/gateway/check-assertion.ts')
    target = await listen(async (request, response) => {
      try {
        response.end(JSON.stringify((await caller(request)) ?? 'anonymous'))
      } catch (error) {
        response.writeHead(401).end((error as { code?: string }).code)
      }
    })
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await Promise.all([keyServer.close(), target.close()])
  })

  const ask = (headers: IncomingHttpHeaders) =>
    new Promise<string>((resolve, reject) => {
      const asked = httpRequest(target.origin, { headers }, async response => {
        resolve(`${response.statusCode} ${(await response.toArray()).join('')}`)
      })
      asked.on('error', reject).end()
    })

  const headersFrom = async (changes: {
    issuer?: string
    audience?: string
    keys?: AssertionKeys
    now?: () => number
  }) =>
    createCallerIdentity(
      { kind: 'assertion' },
      { issuer: keyServer.origin, audience: TARGET, keys, now, ...changes },
    ).headersFor(await accessOf({ subject: 'ada', scopes: ['files:read'] }))

  test('knows the caller', async () => {
    const answer = await ask(await headersFrom({}))
    expect(answer).toBe(`200 ${JSON.stringify({ issuer: testIssuer.issuer, subject: 'ada', scopes: ['files:read'] })}`)
    expect(await ask({})).toBe('200 "anonymous"')
  })

  test('knows the caller after a rotation, by keys that it fetched before', async () => {
    await keys.published()
    time += 23 * HOUR
    const headersNow = () => headersFrom({ now: Date.now })
    const kidOf = (headers: Awaited<ReturnType<typeof headersNow>>) =>
      decodeProtectedHeader(headers['x-mcp-assertion'] as string).kid
    const before = await headersNow()
    expect(await ask(before)).toMatch(/^200 .*"ada"/)
    time += HOUR
    const after = await headersNow()
    expect(kidOf(after)).not.toBe(kidOf(before))
    expect(await ask(after)).toMatch(/^200 .*"ada"/)
    expect(keyRequests).toBe(1)
  })

  test.each([
    ['of another gateway', { issuer: 'https://other.example' }, 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    ['for another target', { audience: 'http://127.0.0.1:9000/mcp' }, 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    ['by keys of a stranger', { keys: createAssertionKeys() }, 'ERR_JWKS_NO_MATCHING_KEY'],
    ['that has ended', { now: () => Date.now() - 70_000 }, 'ERR_JWT_EXPIRED'],
  ])('refuses an assertion %s', async (_what, changes, code) => {
    expect(await ask(await headersFrom(changes))).toBe(`401 ${code}`)
  })

  test('refuses an access token in its place', async () => {
    expect(await ask({ 'x-mcp-assertion': await testIssuer.token({ audience: TARGET }) })).toMatch(/^401 ERR_JW/)
    const jwt = await keys.sign({ iss: keyServer.origin, aud: TARGET, sub: 'ada', exp: time / 1000 + 60 }, 'at+jwt')
    expect(await ask({ 'x-mcp-assertion': jwt })).toBe('401 ERR_JWT_CLAIM_VALIDATION_FAILED')
  })
})
