import { describe, expect, it } from 'vitest'
import {
  flag,
  httpsUrl,
  isHostWithin,
  providerOptions,
  providerUrl,
  secretName,
  textList,
  textListNonEmpty,
} from '../src/adapter-options.ts'
import { issuerAndMetadata, issuerOptions } from '../src/engines/issuer.ts'

describe('a URL of a provider', () => {
  const problemOf = (text: string) => providerUrl.safeParse(text).error?.issues[0]?.message

  it.each([
    'https://id.example.com',
    'HTTPS://id.example.com/',
    'http://keycloak:8080/realms/a.b',
    'https://[::1]/..a/',
  ])('may be %s', text => {
    expect(problemOf(text)).toBeUndefined()
  })

  it.each([
    'id.example.com',
    '//id.example.com',
    'ftp://id.example.com',
    'javascript:alert(1)',
    'https://ada:secret@id.example.com',
    'https://id.example.com/#',
    'https://id.example.com/#fragment',
    'https:/id.example.com',
    'https:id.example.com',
    'https:///id.example.com',
    'https:\\\\id.example.com',
    'https://id.exa\nmple.com',
    'https://id.example.com/a/../b',
    'https://id.example.com/%2E%2e',
    'https://id.example.com/./?a',
  ])('is refused where a parser would make another one of it: %j', text => {
    expect(problemOf(text)).toMatch(/^must be a URL that starts with https.*without a user name, white space, #/)
    expect(httpsUrl.safeParse(text).success).toBe(false)
  })
})

describe('issuer and metadata', () => {
  it.each([
    ['https://id.example.com', 'https://id.example.com'],
    ['https://id.example.com/', 'https://id.example.com/'],
    ['https://id.example.com/oauth2/default', 'https://id.example.com/oauth2/default'],
    [
      'https://id.example.com/well-known/openid-configuration',
      'https://id.example.com/well-known/openid-configuration',
    ],
  ])('%s is an issuer, byte for byte', (configured, issuer) => {
    expect(issuerAndMetadata(configured)).toEqual({ issuer })
    expect(issuerOptions(configured)).toEqual({ issuer })
  })

  it.each([
    ['https://id.example.com/.well-known/openid-configuration', 'https://id.example.com'],
    ['https://id.example.com/.well-known/oauth-authorization-server', 'https://id.example.com'],
    ['https://id.example.com/realms/acme/.well-known/openid-configuration', 'https://id.example.com/realms/acme'],
    ['https://id.example.com/.well-known/openid-configuration/realms/acme', 'https://id.example.com/realms/acme'],
    ['https://id.example.com/.well-known/oauth-authorization-server/login/oauth', 'https://id.example.com/login/oauth'],
    ['https://id.example.com/.well-known/oauth-authorization-server/login/', 'https://id.example.com/login'],
    ['https://id.example.com:8443/.well-known/openid-configuration', 'https://id.example.com:8443'],
    ['https://ID.example.com/.well-known/openid-configuration', 'https://id.example.com'],
  ])('%s is the metadata of %s, with or without a slash at its end', (metadataUrl, issuer) => {
    expect(issuerAndMetadata(metadataUrl)).toEqual({ issuer, metadataUrl })
    expect(issuerOptions(metadataUrl)).toEqual({ issuer: { oneOf: [issuer, `${issuer}/`] }, metadataUrl })
  })
})

describe('a host', () => {
  it.each(['https://okta.com', 'https://a.okta.com', 'https://a.b.okta.com:8443/x', 'https://A.OKTA.COM'])(
    '%s is within okta.com',
    url => expect(isHostWithin(new URL(url), 'example.com', 'okta.com')).toBe(true),
  )

  it.each(['https://notokta.com', 'https://okta.com.evil.example', 'https://okta.com@evil.example', 'https://com'])(
    '%s is not',
    url => expect(isHostWithin(new URL(url), 'okta.com')).toBe(false),
  )
})

describe('schemas', () => {
  it.each(['https://id.example.com', 'http://localhost:8080/x', 'http://127.0.0.1', 'http://[::1]:1'])(
    'take the URL %s',
    url => expect(httpsUrl.safeParse(url).success).toBe(true),
  )

  it.each(['http://id.example.com', 'ftp://id.example.com', 'id.example.com', 'javascript:alert(1)', ''])(
    'refuse the URL %j and say what one is like',
    url => {
      expect(httpsUrl.safeParse(url).error?.issues[0]?.message).toContain('https://')
    },
  )

  it('take lists as arrays and as one text', () => {
    expect(textList.parse('a, b  c,')).toEqual(['a', 'b', 'c'])
    expect(textList.parse(['a b', 'c'])).toEqual(['a b', 'c'])
    expect(textList.parse('')).toEqual([])
    expect(textListNonEmpty.safeParse(' , ').error?.issues[0]?.message).toBe('must name one at least')
  })

  it('take switches as environment variables spell them', () => {
    expect([true, 'true', false, 'false'].map(value => flag.parse(value))).toEqual([true, true, false, false])
    for (const value of ['yes', '1', 1, '']) expect(flag.safeParse(value).success, String(value)).toBe(false)
  })

  it('take names of variables and no secrets', () => {
    expect(secretName.safeParse('OKTA_SECRET_2').success).toBe(true)
    for (const value of ['p4ssw0rd', 'Okta', '2_SECRET', '']) expect(secretName.safeParse(value).success).toBe(false)
  })

  it('refuse options that nobody knows', () => {
    const good = { adapter: 'x', metadataUrl: 'https://id.example.com' }
    expect(providerOptions.safeParse(good).success).toBe(true)
    expect(providerOptions.safeParse({ ...good, scopePrefx: 'x' }).success).toBe(false)
    expect(providerOptions.safeParse({ ...good, scopeNames: { a: { wire: 'b', tokens: [] } } }).success).toBe(false)
  })
})
