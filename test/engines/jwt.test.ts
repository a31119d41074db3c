import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createJwtValidator, type JwtValidatorOptions } from '../../src/engines/jwt.ts'
import { InvalidTokenError, ValidatorUnavailableError } from '../../src/errors.ts'
import { encodePart, signJwt } from '../../src/testing/sign-jwt.ts'
import { CLAIMS, createContext, createKey, createProvider, ISSUER, mint, RESOURCE, refusalOf } from './support.ts'

const JWKS = 'https://as.example.com/jwks'
const key = createKey('key-1')

function createValidator(options: Partial<JwtValidatorOptions> = {}, keys: object[] = [key.jwk]) {
  const provider = createProvider({ [JWKS]: () => Response.json({ keys }) })
  const { context, seen, advance } = createContext(provider.fetch)
  const validator = createJwtValidator(
    { issuer: ISSUER, jwksUri: JWKS, audience: { audience: [RESOURCE] }, types: ['at+jwt'], ...options },
    context,
  )
  return { validator, provider, seen, advance }
}

const reasonFor = async (token: string, options: Partial<JwtValidatorOptions> = {}, keys?: object[]) => {
  const error = await refusalOf(createValidator(options, keys).validator.validate(token))
  expect(error).toBeInstanceOf(InvalidTokenError)
  return error.reason
}

describe('algorithms', () => {
  test.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])('accepts %s by default', async alg => {
    const signer = createKey('key-1', alg)
    await createValidator({}, [signer.jwk]).validator.validate(mint(signer))
    const { alg: _, ...withoutAlg } = signer.jwk
    await createValidator({}, [withoutAlg]).validator.validate(mint(signer))
  })

  test.each([
    'RS384',
    'RS512',
    'PS512',
    'HS256',
    'HS512',
    'none',
    'NONE',
    '',
    'RS256 ',
    'rs256',
    'constructor',
    '__proto__',
  ])('refuses the algorithm %j by default, whatever the keys say', async alg => {
    const keys = [{ ...key.jwk, alg }]
    expect(await reasonFor(signedAs(mint(key), alg), {}, keys)).toMatchObject({ kind: 'algorithm_refused' })
  })

  test.each([[undefined], [null], [7], [['ES256']], [{}]])('refuses alg %j', async alg => {
    expect((await reasonFor(mint(key, {}, { alg: alg as never }))).kind).toBe('algorithm_refused')
  })

  test('accepts further algorithms when they are listed', async () => {
    const signer = createKey('key-1', 'RS512')
    await createValidator({ algorithms: ['RS512'] }, [signer.jwk]).validator.validate(mint(signer))
    expect(await reasonFor(mint(key), { algorithms: ['RS512'] })).toEqual({
      kind: 'algorithm_refused',
      actual: 'ES256',
      expected: ['RS512'],
    })
  })

  test.each([
    ['an RSA key', { ...createKey('key-1', 'RS256').jwk, alg: undefined }],
    ['a key on another curve', { ...createKey('key-1', 'ES384').jwk, alg: undefined }],
    ['a key published for another algorithm', { ...key.jwk, alg: 'ES512' }],
  ])('refuses a key that does not fit the algorithm with key_mismatch: %s', async (_label, jwk) => {
    expect(await reasonFor(mint(key), {}, [jwk])).toEqual({
      kind: 'key_mismatch',
      keyId: 'key-1',
      detail: 'does not fit ES256',
    })
  })

  test('uses an RSA key without alg for RS256 and PS256', async () => {
    const signer = createKey('key-1', 'RS256')
    const { validator } = createValidator({}, [{ ...signer.jwk, alg: undefined }])
    await validator.validate(mint(signer))
    await validator.validate(mint({ ...signer, alg: 'PS256' }))
    const error = await refusalOf(validator.validate(signedAs(mint(signer), 'PS256')))
    expect(error.reason.kind).toBe('signature_invalid')
  })

  test('refuses keys that are too short or broken with key_mismatch', async () => {
    const short = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const jwk = { ...short.publicKey.export({ format: 'jwk' }), kid: 'key-1' }
    const token = mint({ alg: 'RS256', kid: 'key-1', privateKey: short.privateKey, jwk })
    expect(await reasonFor(token, {}, [jwk])).toMatchObject({
      kind: 'key_mismatch',
      detail: 'is shorter than 2048 bits',
    })
    expect(await reasonFor(mint(key), {}, [{ ...key.jwk, x: 'AAAA' }])).toMatchObject({
      kind: 'key_mismatch',
      detail: 'cannot be imported',
    })
    expect(await reasonFor(mint(key), {}, [{ ...key.jwk, x: 7 }])).toMatchObject({ kind: 'key_mismatch' })
  })
})

describe('RSA keys', () => {
  const exponent = (value: number | string) =>
    Buffer.from(
      BigInt(value)
        .toString(16)
        .padStart(2, '0')
        .replace(/^(?=(..)*.$)/, '0'),
      'hex',
    ).toString('base64url')

  // With e = 1, a message that is padded is its own signature.
  test.each([1, 2, 3, 17, 65_535, 65_536, `${1n << 256n}`])('refuses an RSA key with the exponent %s', async e => {
    const signer = createKey('key-1', 'RS256')
    const reason = await reasonFor(mint(signer), {}, [{ ...signer.jwk, e: exponent(e) }])
    expect(reason).toMatchObject({ kind: 'key_mismatch', keyId: 'key-1' })
  })

  test('treats null members of an RSA key as absent', async () => {
    const signer = createKey('key-1', 'RS256')
    const jwk = { ...signer.jwk, alg: null, use: null, key_ops: null, x5c: null, d: null }
    await createValidator({}, [jwk]).validator.validate(mint(signer))
    await createValidator({}, [{ ...jwk, kid: null }]).validator.validate(mint(signer, {}, { kid: null }))
  })
})

test('accepts Ed25519 (RFC 9864) when it is listed, also with keys that say EdDSA', async () => {
  const signer = createKey('key-1', 'EdDSA')
  const token = mint(signer, {}, { alg: 'Ed25519' })
  for (const alg of ['EdDSA', 'Ed25519', undefined]) {
    await createValidator({ algorithms: ['Ed25519'] }, [{ ...signer.jwk, alg }]).validator.validate(token)
  }
  expect((await reasonFor(token, {}, [signer.jwk])).kind).toBe('algorithm_refused')
})

/** The same token with another `alg` in its header. */
function signedAs(token: string, alg: string): string {
  const [header = '', ...rest] = token.split('.')
  return [encodePart({ ...JSON.parse(Buffer.from(header, 'base64url').toString()), alg }), ...rest].join('.')
}

describe('headers', () => {
  // RFC 7515 §4: ignored unless crit names it. SAP XSUAA sends jku in every token.
  test.each([
    [{ jwk: createKey('key-1').jwk }],
    [{ jku: 'https://attacker.example/jwks' }],
    [{ jku: JWKS }],
    [{ x5u: 'https://as.example.com/cert' }],
    [{ x5c: ['MIIB'] }],
    [{ x5c: [] }],
    [{ unheard: 'of' }],
    [{ cty: null }],
  ])('ignores %j in the header', async header => {
    const { validator, provider } = createValidator()
    expect((await validator.validate(mint(key, {}, header))).subject).toBe('user-1')
    expect(provider.urls()).toEqual([JWKS])
  })

  test('never verifies a token with the key in its own header', async () => {
    const other = createKey('key-1')
    for (const header of [{ jwk: other.jwk }, { jku: JWKS }, { x5c: ['MIIB'] }, { x5u: JWKS }]) {
      expect((await reasonFor(mint(other, {}, header))).kind).toBe('signature_invalid')
      expect((await reasonFor(mint(other, {}, { ...header, kid: 'mine' }))).kind).toBe('key_unknown')
      expect(await reasonFor(mint(key, {}, { ...header, crit: Object.keys(header) }))).toEqual({
        kind: 'header_unsupported',
        parameter: 'crit',
      })
    }
  })

  test('accepts no typ, JWT and at+jwt when no type is configured', async () => {
    const { validator } = createValidator({ types: null })
    for (const typ of [undefined, null, 'JWT', 'jwt', 'at+JWT', 'application/at+jwt']) {
      expect((await validator.validate(mint(key, {}, { typ }))).subject, String(typ)).toBe('user-1')
    }
    for (const typ of [
      'logout+jwt',
      'dpop+jwt',
      'secevent+jwt',
      'oauth-id-jag+jwt',
      'rt+jwt',
      'id_token',
      7,
      ['JWT'],
    ]) {
      const error = await refusalOf(validator.validate(mint(key, {}, { typ })))
      expect(error.reason, String(typ)).toMatchObject({ kind: 'type_mismatch' })
    }
  })

  test.each([
    [{ crit: ['b64'], b64: false }, 'crit'],
    [{ crit: 'exp' }, 'crit'],
    [{ crit: null }, 'crit'],
    [{ b64: true }, 'b64'],
    [{ zip: 'DEF' }, 'zip'],
    [{ cty: 'JWT' }, 'cty'],
    [{ cty: 'application/jwt' }, 'cty'],
    [{ kid: 7 }, 'kid'],
    [{ kid: ['key-1'] }, 'kid'],
  ])('refuses a header with %j for %s before it looks for a key', async (header, parameter) => {
    const { validator, provider } = createValidator()
    const error = await refusalOf(validator.validate(mint(key, {}, header)))
    expect(error.reason).toEqual({ kind: 'header_unsupported', parameter })
    expect(provider.requests).toHaveLength(0)
  })

  test('accepts thumbprints and members of the provider in the header', async () => {
    await createValidator().validator.validate(
      mint(key, {}, { x5t: 'AAAA', 'x5t#S256': 'AAAA', nonce: 'n', cty: 'json' }),
    )
  })

  test.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/At+Jwt'])(
    'accepts the typ %s when at+jwt is configured',
    async typ => {
      await createValidator().validator.validate(mint(key, {}, { typ }))
    },
  )

  test.each([['JWT'], [undefined], [null], [7], [''], ['at+jwt '], ['text/at+jwt']])(
    'refuses the typ %j with type_mismatch when at+jwt is configured',
    async typ => {
      expect(await reasonFor(mint(key, {}, { typ }))).toMatchObject({ kind: 'type_mismatch', expected: ['at+jwt'] })
    },
  )

  test('accepts any typ or none when typ is not checked', async () => {
    for (const typ of ['JWT', undefined]) {
      await createValidator({ types: null }).validator.validate(mint(key, {}, { typ }))
    }
  })
})

describe('shapes', () => {
  const [header = '', payload = '', signature = ''] = mint(key).split('.')

  test.each([
    ['two parts', `${header}.${payload}`],
    ['four parts', `${header}.${payload}.${signature}.${signature}`],
    ['a thousand parts', '.'.repeat(1000)],
    ['an empty header', `.${payload}.${signature}`],
    ['an empty payload', `${header}..${signature}`],
    ['a header that is not JSON', `${encodePart('{"alg":')}.${payload}.${signature}`],
    ['a header that is an array', `${encodePart([])}.${payload}.${signature}`],
    ['a header that is null', `${encodePart(null)}.${payload}.${signature}`],
    ['a payload that is a string', `${header}.${encodePart('"x"')}.${signature}`],
    ['a payload in broken UTF-8', `${header}.${Buffer.from('{"iss":"\xff"}', 'latin1').toString('base64url')}.x`],
    ['padding', `${header}.${payload}.${signature}==`],
    ['standard base64', `${header}.${payload}.${signature.slice(0, -2)}+/`],
  ])('refuses what is not shaped like a JWT with token_malformed: %s', async (_label, token) => {
    expect((await reasonFor(token)).kind).toBe('token_malformed')
  })

  test('reports a token with one part as opaque', async () => {
    expect(await reasonFor('ya29')).toEqual({ kind: 'token_opaque' })
  })

  test('reports a token with five parts as encrypted', async () => {
    const jwe = `${encodePart({ alg: 'dir', enc: 'A256GCM', iss: 'https://tenant.auth0.com/' })}..AAAA.BBBB.CCCC`
    expect(await reasonFor(jwe)).toEqual({ kind: 'token_encrypted' })
  })

  test('refuses an empty signature', async () => {
    expect((await reasonFor(`${header}.${payload}.`)).kind).toBe('signature_invalid')
  })

  test('survives a payload that is nested ten thousand deep', async () => {
    const deep = `{"iss":"${ISSUER}","x":${'['.repeat(5000)}${']'.repeat(5000)}}`
    expect((await reasonFor(signJwt({ alg: 'ES256', kid: 'key-1', typ: 'at+jwt' }, deep, key.privateKey))).kind).toBe(
      'audience_missing',
    )
  })

  test('refuses an exp of infinity', async () => {
    const claims = JSON.stringify({ ...CLAIMS, exp: 0 }).replace('"exp":0', '"exp":1e999')
    const token = signJwt({ alg: 'ES256', kid: 'key-1', typ: 'at+jwt' }, claims, key.privateKey)
    expect(await reasonFor(token)).toMatchObject({ kind: 'claim_invalid', claim: 'exp' })
  })

  test('gives no rights by a claim __proto__', async () => {
    const claims = JSON.stringify({ ...CLAIMS, sub: undefined }).replace('{', '{"__proto__":{"sub":"admin"},')
    const token = signJwt({ alg: 'ES256', kid: 'key-1', typ: 'at+jwt' }, claims, key.privateKey)
    expect(await reasonFor(token)).toEqual({ kind: 'subject_missing', claim: 'sub' })
  })
})

describe('issuers', () => {
  test('accepts several issuers, each compared byte for byte', async () => {
    const issuer = ['https://tenant.auth0.com/', 'https://login.example.com/'] as const
    const { validator } = createValidator({ issuer })
    expect(validator.issuers).toEqual(issuer)
    expect((await validator.validate(mint(key, { iss: 'https://login.example.com/' }))).issuer).toBe(issuer[1])
    const error = await refusalOf(validator.validate(mint(key, { iss: 'https://login.example.com' })))
    expect(error.reason).toEqual({ kind: 'issuer_mismatch', actual: 'https://login.example.com', expected: issuer })
  })

  test('refuses a foreign issuer without fetching keys, whatever key id it names', async () => {
    const { validator, provider } = createValidator()
    await refusalOf(validator.validate(mint(key, { iss: 'https://issuer.example' }, { kid: 'theirs' })))
    expect(provider.requests).toHaveLength(0)
  })

  test('passes the published key to the rule that compares template issuers', async () => {
    const template = 'https://login.microsoftonline.com/{tenantid}/v2.0'
    const tenant = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
    const fill = (value: unknown, tid: unknown) => String(value).replace('{tenantid}', String(tid))
    const issuer = {
      issuers: [template] as const,
      answersFor: (iss: string) => iss.startsWith('https://login.microsoftonline.com/'),
      accepts: (iss: string, { tid }: { readonly tid?: unknown }, jwk: { readonly issuer?: unknown }) =>
        iss === fill(template, tid) && iss === fill(jwk.issuer, tid),
    }
    const consumers = createKey('key-2')
    const keys = [
      { ...key.jwk, alg: undefined, issuer: template },
      { ...consumers.jwk, alg: undefined, issuer: fill(template, '9188040d-6c67-4c5b-b112-36a304b66dad') },
    ]
    const { validator } = createValidator({ issuer }, keys)
    const claims = { tid: tenant, iss: fill(template, tenant) }
    expect((await validator.validate(mint(key, claims))).issuer).toBe(claims.iss)
    for (const token of [mint(consumers, claims), mint(key, { ...claims, tid: 'other' })]) {
      expect((await refusalOf(validator.validate(token))).reason.kind).toBe('issuer_mismatch')
    }
  })

  test('refuses an issuer that the rule does not cover without fetching keys', async () => {
    const issuer = { issuers: [ISSUER] as const, answersFor: (iss: string) => iss === ISSUER, accepts: () => true }
    const { validator, provider } = createValidator({ issuer })
    const error = await refusalOf(validator.validate(mint(key, { iss: 'https://issuer.example' }, { kid: 'theirs' })))
    expect(error.reason.kind).toBe('issuer_mismatch')
    expect(provider.requests).toHaveLength(0)
    expect(validator.answersFor?.('https://issuer.example')).toBe(false)
  })

  test('reports one identity for all spellings of an issuer', async () => {
    const old = 'https://old.example.com/'
    const issuer = {
      issuers: [ISSUER] as const,
      answersFor: (iss: string) => iss === ISSUER || iss === old,
      accepts: () => true,
      canonical: () => ISSUER,
    }
    const { validator } = createValidator({ issuer })
    const validated = await validator.validate(mint(key, { iss: old }))
    expect(validated.issuer).toBe(ISSUER)
    expect(validated.claims.iss).toBe(old)
  })
})

describe('metadata', () => {
  const template = 'https://login.microsoftonline.com/{tenantid}/v2.0'
  const url = 'https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration'

  test('finds the keys by metadata that states the expected issuer', async () => {
    const provider = createProvider({
      [url]: () => Response.json({ issuer: template, jwks_uri: JWKS }),
      [JWKS]: () => Response.json({ keys: [key.jwk] }),
    })
    const { context } = createContext(provider.fetch)
    const validator = createJwtValidator(
      {
        issuer: ISSUER,
        metadataUrl: url,
        metadataIssuer: template,
        audience: { audience: [RESOURCE] },
        types: ['at+jwt'],
      },
      context,
    )
    await validator.validate(mint(key))
    expect(provider.urls()).toEqual([url, JWKS])
  })

  test('answers 503 while the metadata is unavailable, and recovers', async () => {
    const provider = createProvider({ [url]: () => new Response('', { status: 503 }) })
    const { context, advance } = createContext(provider.fetch)
    const validator = createJwtValidator(
      { issuer: ISSUER, metadataUrl: url, audience: { audience: [RESOURCE] }, types: ['at+jwt'] },
      context,
    )
    const token = mint(key)
    expect(await refusalOf(validator.warmUp())).toBeInstanceOf(ValidatorUnavailableError)
    expect(await refusalOf(validator.validate(token))).toBeInstanceOf(ValidatorUnavailableError)
    expect(provider.requests).toHaveLength(1)
    provider.handlers[url] = () => Response.json({ issuer: ISSUER, jwks_uri: JWKS })
    provider.handlers[JWKS] = () => Response.json({ keys: [key.jwk] })
    advance(1)
    await validator.validate(token)
    await validator.warmUp()
  })
})

test('lets a provider name the cause by what could be read of a token', async () => {
  const cure = 'Request a scope of your own API.'
  const options: Partial<JwtValidatorOptions> = {
    explain: (reason, { header, claims }) => {
      if (header.nonce && claims.aud === 'https://graph.microsoft.com') {
        return { kind: 'azure.graph_token', detail: reason.kind, cure }
      }
      if (reason.kind === 'token_encrypted') return { kind: 'auth0.no_audience', detail: String(header.alg), cure }
      return undefined
    },
  }
  const graph = mint(createKey('key-1'), { aud: 'https://graph.microsoft.com' }, { nonce: 'n' })
  expect(await reasonFor(graph, options)).toEqual({ kind: 'azure.graph_token', detail: 'signature_invalid', cure })
  const encrypted = `${encodePart({ alg: 'dir', enc: 'A256GCM' })}..AAAA.BBBB.CCCC`
  expect(await reasonFor(encrypted, options)).toEqual({ kind: 'auth0.no_audience', detail: 'dir', cure })
  expect(await reasonFor('a.b.c.d.e', options)).toMatchObject({ kind: 'auth0.no_audience', detail: 'undefined' })
  expect((await reasonFor(mint(key, { exp: 1 }), options)).kind).toBe('expired')
})

test('shows claims and header to the rules of a provider only after the signature is verified', async () => {
  const calls: unknown[] = []
  const check = (claims: object, header: object) => calls.push([claims, header])
  const { validator } = createValidator({ check })
  await refusalOf(validator.validate(mint(createKey('key-1'))))
  expect(calls).toEqual([])
  await validator.validate(mint(key, { jti: 'x' }))
  expect(calls).toEqual([
    [
      { ...CLAIMS, jti: 'x' },
      { alg: 'ES256', kid: 'key-1', typ: 'at+jwt' },
    ],
  ])
})

test('puts neither the token nor its signature into an error', async () => {
  const tokens = [
    mint(createKey('key-1')),
    mint(key, {}, { kid: 'unknown' }),
    mint(key, { aud: 'https://other.example.com' }),
    `${mint(key)}==`,
    signedAs(mint(key), 'HS256'),
    mint(key, { exp: 1 }),
  ]
  const { validator } = createValidator()
  for (const token of tokens) {
    const text = inspect(await refusalOf(validator.validate(token)), { depth: 10, showHidden: true })
    const [, payload = '', signature = ''] = token.split('.')
    for (const part of [payload, signature]) if (part) expect(text).not.toContain(part)
  }
})
