import { describe, expect, it } from 'vitest'
import { people } from '../../../adapters/people.ts'
import { createGithubUpstream } from '../../../demo-as/upstream/github.ts'
import { createOpenIdUpstream, type OpenIdPreset } from '../../../demo-as/upstream/openid-connect.ts'
import { type Identification, UpstreamMisconfiguredError } from '../../../demo-as/upstream/upstream.ts'
import { createAuth0Emulator } from '../../../emulators/auth0.ts'
import { createAzureEmulator } from '../../../emulators/azure.ts'
import type { Emulator } from '../../../emulators/core/emulator.ts'
import type { OptionalMember } from '../../../emulators/core/optional-members.ts'
import type { ErrorForm, Variant } from '../../../emulators/core/variant.ts'
import { createGithubEmulator } from '../../../emulators/github.ts'
import { createGoogleEmulator } from '../../../emulators/google.ts'
import { createOidcEmulator } from '../../../emulators/oidc.ts'
import { createOktaEmulator } from '../../../emulators/okta.ts'
import { labelOf, membersOf, omissionsOf } from '../../support/variants.ts'
import { CALLBACK, identifyAt, keep, OPENID } from './support.ts'

const CLIENT = { clientId: 'bridge', clientSecret: 'bridge-secret', redirectUris: [CALLBACK] }
const CLAIMS = { email: 'ada@corp.com', email_verified: true, name: 'Ada', groups: ['staff'] }

interface Person {
  login: string
  claims?: object
}

/** A provider with one person, whose keys serve for all variants. */
function providerOf(name: keyof typeof providers) {
  const clock = { now: Date.now() }
  const { create, metadataUrl, person, preset } = providers[name]
  const users: Person[] = [{ ...person }]
  const emulator: Emulator = create(users as never, () => clock.now)

  function bridge(allow: readonly string[], secret = CLIENT.clientSecret) {
    users.splice(0, users.length, { ...person })
    const upstream = createOpenIdUpstream({
      ...OPENID,
      preset: preset as OpenIdPreset,
      metadataUrl,
      clientId: CLIENT.clientId,
      clientSecret: secret,
      fetch: emulator.fetch,
      rules: { allow, grants: [{ scopes: ['notes:read'], to: ['everyone'] }] },
      now: () => clock.now,
    })
    return { upstream, signIn: () => identifyAt(upstream, emulator, person.login) }
  }
  return { emulator, users, clock, bridge }
}

const providers = {
  oidc: {
    create: (users: never, now: () => number) =>
      createOidcEmulator({ origin: 'https://id.example.com', clients: [CLIENT], users, now }),
    metadataUrl: 'https://id.example.com/.well-known/openid-configuration',
    person: { login: 'ada', id: '1', claims: CLAIMS },
    preset: people.oidc.signIn,
  },
  okta: {
    create: (users: never, now: () => number) =>
      createOktaEmulator({ origin: 'https://acme.okta.com', clients: [CLIENT], users, now }),
    metadataUrl: 'https://acme.okta.com/oauth2/default/.well-known/openid-configuration',
    person: { login: 'ada', id: '00u1', claims: CLAIMS },
    preset: people.okta.signIn,
  },
  auth0: {
    create: (users: never, now: () => number) =>
      createAuth0Emulator({ origin: 'https://acme.eu.auth0.com', clients: [CLIENT], users, now }),
    metadataUrl: 'https://acme.eu.auth0.com/.well-known/openid-configuration',
    person: { login: 'ada', user_id: 'auth0|1', name: 'Ada', email: 'ada@corp.com' },
    preset: people.auth0.signIn,
  },
  google: {
    create: (users: never, now: () => number) =>
      createGoogleEmulator({
        origin: 'https://accounts.google.com',
        clients: [{ ...CLIENT, type: 'web' }],
        users,
        now,
      }),
    metadataUrl: 'https://accounts.google.com/.well-known/openid-configuration',
    person: { login: 'ada', sub: '1', email: 'ada@corp.com', emailVerified: true, hostedDomain: 'corp.com' },
    preset: people.google.signIn,
  },
  azure: {
    create: (users: never, now: () => number) =>
      createAzureEmulator({ origin: 'https://login.microsoftonline.com', clients: [CLIENT], users, now }),
    metadataUrl:
      'https://login.microsoftonline.com/3f2504e0-4f89-41d3-9a0c-0305e82c3301/v2.0/.well-known/openid-configuration',
    person: { login: 'ada', oid: '690222be-ff1a-4d56-abd1-7e4f7d38e474', name: 'Ada' },
    preset: people.azure.signIn,
  },
}

const outcomeOf = async (asked: Promise<Identification> | undefined) => (await asked)?.outcome

/** What the bridge reads of the answers of a provider. */
const READ: OptionalMember[] = [
  'discovery.userinfo_endpoint',
  'discovery.revocation_endpoint',
  'discovery.scopes_supported',
  'discovery.token_endpoint_auth_methods_supported',
  'jwks.use',
  'jwks.alg',
  'token.expires_in',
  'token.scope',
  'token.refresh_token',
  'refresh.id_token',
  'refresh.refresh_token',
  'refresh.expires_in',
  'refresh.scope',
  ...membersOf('id_token', 'userinfo').filter(member => /\.(name|email|email_verified|groups)$/.test(member)),
]

describe('somebody of a group, at a provider', () => {
  const { emulator, users, clock, bridge } = providerOf('oidc')

  it.each(omissionsOf(READ).map(omit => [labelOf(omit), omit] as const))('%s', async (_label, omit) => {
    emulator.vary({ omit })
    const lacks = (...members: OptionalMember[]) => members.some(member => omit.includes(member))
    const noUserInfoGroups = lacks('userinfo.groups', 'discovery.userinfo_endpoint')
    const { upstream, signIn } = bridge(['group:staff'])
    const identified = await signIn()
    if (noUserInfoGroups && lacks('id_token.groups')) {
      expect(identified.outcome).toBe('not_allowed')
      return
    }
    if (identified.outcome !== 'signed_in') expect.fail(`not signed in: ${JSON.stringify(identified)}`)
    const { session } = identified
    expect(identified.user.subject).toBe('oidc:id.example.com:1')
    expect(await outcomeOf(upstream.recheck?.(session, keep))).toBe('signed_in')

    // Without a refresh token nobody is asked; without a word about groups nobody says it. Then the age decides.
    const isAsked = !lacks('token.refresh_token')
    const isTold = isAsked && !(lacks('refresh.id_token') && noUserInfoGroups)
    ;(users[0] as Person).claims = { ...CLAIMS, groups: [] }
    expect(await outcomeOf(upstream.recheck?.(session, keep)), 'left the group').toBe(
      isTold ? 'not_allowed' : 'signed_in',
    )
    const before = clock.now
    clock.now += OPENID.maxAgeSeconds * 1000
    expect(await outcomeOf(upstream.recheck?.(session, keep)), 'much later').toBe(isTold ? 'not_allowed' : 'nobody')
    clock.now = before

    users.length = 0
    expect(await outcomeOf(upstream.recheck?.(session, keep)), 'removed').toBe(isAsked ? 'nobody' : 'signed_in')
    await upstream.end?.(session)
  })
})

/** Members of which each emulator says something. Groups stand at userinfo there, or nowhere. */
const READ_BY_PRESETS = membersOf('discovery', 'jwks', 'token', 'refresh', 'id_token', 'userinfo')

describe.each(['okta', 'auth0', 'google', 'azure'] as const)('somebody at %s', name => {
  const { emulator, users, bridge } = providerOf(name)

  it.each(omissionsOf(READ_BY_PRESETS, []).map(omit => [labelOf(omit), omit] as const))('%s', async (_label, omit) => {
    emulator.vary({ omit })
    const { upstream, signIn } = bridge(['everyone'])
    const identified = await signIn()
    if (identified.outcome !== 'signed_in') expect.fail(`not signed in: ${JSON.stringify(identified)}`)
    const again = await upstream.recheck?.(identified.session, keep)
    expect(again).toMatchObject({ outcome: 'signed_in', user: { subject: identified.user.subject } })
    users.length = 0
    const isAsked = (identified.session as { refreshToken?: string }).refreshToken !== undefined
    expect(isAsked).toBe(!omit.includes('token.refresh_token'))
    expect(await outcomeOf(upstream.recheck?.(identified.session, keep))).toBe(isAsked ? 'nobody' : 'signed_in')
  })
})

describe('somebody at GitHub', () => {
  const users: Person[] = []
  const emulator = createGithubEmulator({
    origin: 'https://github.com',
    clients: [{ ...CLIENT, kind: 'github' }],
    users: users as never,
  })
  const members = membersOf('github_user', 'discovery').concat(['token.expires_in', 'token.refresh_token_expires_in'])
  const variants: [string, Variant][] = [
    ...omissionsOf(members, membersOf('github_user')).map(omit => [labelOf(omit), { omit }] as [string, Variant]),
    ...(['empty', 'html', 'challenge'] as const).map(
      errors => [`with errors: ${errors}`, { errors }] as [string, Variant],
    ),
  ]

  it.each(variants)('%s', async (_label, variant) => {
    emulator.vary(variant)
    users.splice(0, users.length, { login: 'ada', id: 1001 } as Person)
    const upstream = createGithubUpstream({
      metadataUrl: 'https://github.com',
      clientId: CLIENT.clientId,
      clientSecret: CLIENT.clientSecret,
      fetch: emulator.fetch,
      timeoutSeconds: 5,
      personOf: people.github.signIn.personOf,
      rules: { allow: ['user:1001'], grants: [{ scopes: ['notes:read'], to: ['everyone'] }] },
    })
    const identified = await identifyAt(upstream, emulator)
    const { session } = identified as Extract<Identification, { outcome: 'signed_in' }>
    const again = await upstream.recheck?.(session, keep)
    expect(again).toMatchObject({ outcome: 'signed_in', user: { subject: 'github:1001' } })
    users.length = 0
    const { session: next } = again as typeof identified & { session: unknown }
    expect(await outcomeOf(upstream.recheck?.(next, keep))).toBe('nobody')
  })
})

describe.each(Object.keys(providers) as (keyof typeof providers)[])('errors of %s', name => {
  const { emulator, users, bridge } = providerOf(name)
  const FORMS: (ErrorForm | undefined)[] = [undefined, 'empty', 'html', 'challenge', 'other_code']

  it.each(FORMS)('end the access of somebody who was removed: %s', async errors => {
    emulator.vary({ errors })
    const { upstream, signIn } = bridge(['everyone'])
    const identified = await signIn()
    users.length = 0
    const { session } = identified as Extract<Identification, { outcome: 'signed_in' }>
    expect(await outcomeOf(upstream.recheck?.(session, keep))).toBe('nobody')
  })

  it.each([undefined, 'challenge', 'other_code'] as const)('tell of a wrong secret: %s', async errors => {
    emulator.vary({ errors })
    await expect(bridge(['everyone'], 'wrong').signIn()).rejects.toBeInstanceOf(UpstreamMisconfiguredError)
  })
})
