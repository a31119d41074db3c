import { describe, expect, onTestFinished, test } from 'vitest'
import type { FindingCode } from '../../../../app/commands/doctor/catalogue/index.ts'
import { examineServer } from '../../../../app/commands/doctor/doctor.ts'
import { startStandIn } from '../../../../app/commands/doctor/stand-in.ts'
import { createClient } from '../../../demo-as/support.ts'
import type { ProxyName } from '../../../proxies/proxies.ts'
import { startTarget } from '../../../proxies/target.ts'
import { type DemoOptions, files, startWithDemo } from '../../../proxies/with-demo.ts'
import { freePort } from '../../../support/http.ts'
import { ALL_VARIANTS } from '../../../support/variants.ts'

// The real proxies of the system, with the documented configuration and one mistake in it.

const without = (pattern: RegExp) => (text: string) => text.replace(pattern, '')
const replaced = (before: string, after: string) => (text: string) => text.replace(before, after)
const all =
  (...changes: ((text: string) => string)[]) =>
  (text: string) =>
    changes.reduce((changed, change) => change(changed), text)

const asks = (lines: string) => replaced('uri /forward-auth', `uri /forward-auth\n${lines}`)
const login = (line: string) =>
  all(
    replaced('error_page 401 403 500 = @refused;', 'error_page 401 = @login; error_page 403 500 = @refused;'),
    replaced('location @preflight', `location @login { ${line} }\nlocation @preflight`),
  )
const OPTIONS = /if \(\$request_method = OPTIONS\) \{[^}]*\}/

interface World extends DemoOptions {
  /** What follows from the mistake as well. */
  readonly also?: readonly FindingCode[]
}
type Mistake = [code: FindingCode, proxy: ProxyName, what: string, world: World, seen: RegExp]

/** What is found from outside, without a token. */
const mistakes: Mistake[] = [
  [
    'server.challenge_missing',
    'caddy',
    'an answer of its own in place of the refusal',
    {
      change: asks('@refused status 401\nhandle_response @refused {\nrespond 401\n}'),
      also: ['server.bad_token_unchallenged'],
    },
    /absent/,
  ],
  [
    'server.login_page',
    'caddy',
    'a redirect to a sign-in',
    { change: asks('@refused status 401\nhandle_response @refused {\nredir https://sso.example.com\n}') },
    /^status 302 to https:\/\/sso\.example\.com/,
  ],
  [
    'server.login_page',
    'nginx',
    'a redirect to a sign-in',
    { change: login('return 302 https://sso.example.com;') },
    /^status 302 to https:\/\/sso\.example\.com/,
  ],
  [
    'server.open',
    'nginx',
    'a page in place of the refusal',
    { change: login("return 200 'Sign in';") },
    /^status 200 at/,
  ],
  [
    'proxy.refusal_replaced',
    'nginx',
    'no error_page for 403, so that its challenge is lost',
    { change: replaced('error_page 401 403 500 = @refused', 'error_page 401 500 = @refused') },
    /^status 403 without what idplug says, by nginx/,
  ],
  [
    'proxy.refusal_replaced',
    'caddy',
    'an answer of its own to a 403',
    { change: asks('@refused status 403\nhandle_response @refused {\nrespond 403\n}') },
    /^status 403 without what idplug says, by Caddy/,
  ],
  [
    'proxy.status_replaced',
    'nginx',
    '503 and 400 become 500',
    { change: replaced('error_page 401 403 500 = @refused', 'error_page 401 403 = @refused') },
    /^status 500 to a token in the URL, by nginx/,
  ],
  [
    'server.metadata_missing',
    'nginx',
    'the metadata goes elsewhere',
    { change: replaced('oauth-protected-resource|', '') },
    /^status 404 without JSON/,
  ],
  [
    'server.metadata_missing',
    'caddy',
    'the metadata goes elsewhere',
    { change: replaced('/.well-known/oauth-protected-resource* ', '') },
    /^status 404 without JSON/,
  ],
  [
    'proxy.not_trusted',
    'nginx',
    'its address is not on the list',
    { settings: { TRUSTED_PROXIES: '192.0.2.0/24' } },
    /^status 500 at .*TRUSTED_PROXIES/,
  ],
  [
    'proxy.not_trusted',
    'caddy',
    'its address is not on the list',
    { settings: { TRUSTED_PROXIES: '192.0.2.0/24' } },
    /^status 500 at .*TRUSTED_PROXIES/,
  ],
  [
    'proxy.request_not_described',
    'nginx',
    'the header of another program for the path',
    { change: replaced('X-Forwarded-Uri', 'X-Original-URI') },
    /^status 500 at .*X-Forwarded-Method and X-Forwarded-Uri/,
  ],
  [
    'proxy.request_not_described',
    'caddy',
    'a question at the path of the endpoint',
    { change: replaced('uri /forward-auth', 'uri /mcp') },
    /^status 404 at .*only signs people in/,
  ],
  [
    'proxy.server_not_named',
    'nginx',
    'several servers, and a URL that is that of none',
    { declarations: { files: { ...files, resource: '/files/mcp' }, mail: { ...files, resource: '/mail/mcp' } } },
    /^status 500 at .*\/forward-auth\/files, \/forward-auth\/mail/,
  ],
  [
    'server.host_refused',
    'nginx',
    'the name of the host is not passed on',
    { change: without(/(?<=X-Forwarded-Uri \$request_uri;\s+)proxy_set_header X-Forwarded-Host \$http_host;/) },
    /^status 403 at .*PUBLIC_URL/,
  ],
  [
    'server.host_refused',
    'caddy',
    'the name of the host is taken away',
    { change: asks('header_up -X-Forwarded-Host') },
    /^status 403 at .*PUBLIC_URL/,
  ],
  [
    'server.preflight_refused',
    'nginx',
    'it asks about preflights',
    { change: without(OPTIONS) },
    /^status 500 to OPTIONS at/,
  ],
  [
    'server.preflight_refused',
    'caddy',
    'it asks about preflights',
    {
      change: all(
        without(/@preflight \{[^}]*\}/),
        without(/handle @preflight \{[^}]*\}/),
        without(/not method OPTIONS/),
      ),
    },
    /^status 500 to OPTIONS at/,
  ],
  [
    'server.token_lost',
    'nginx',
    'it asks without the token',
    {
      change: replaced(
        'proxy_pass_request_body off;',
        'proxy_pass_request_body off; proxy_set_header Authorization "";',
      ),
    },
    /^Bearer resource_metadata/,
  ],
  ['server.token_lost', 'caddy', 'it asks without the token', { change: asks('header_up -Authorization') }, /^Bearer/],
]

// Every night all of them; else each finding once, at the proxy where the mistake comes first.
const tried = mistakes.filter(
  ([code], index) => ALL_VARIANTS || mistakes.findIndex(([other]) => other === code) === index,
)

test.each(tried)('finds %s from outside at %s: %s', async (code, proxy, _what, world, seen) => {
  const target = await startTarget()
  const { resource } = await startWithDemo(proxy, target.port, world)
  const { findings } = await examineServer(resource, fetch)
  expect(findings.map(each => each.code)).toEqual([code, ...(world.also ?? [])])
  expect(findings[0]?.seen).toMatch(seen)
  expect(findings[0]?.cure).toMatch(proxy === 'nginx' ? /nginx|TRUSTED_PROXIES/ : /Caddy|forward_auth|TRUSTED_PROXIES/)
  expect(target.seen).toEqual([])
})

test('finds at an nginx without any error_page what is lost, and that the rest is an error of its own', async () => {
  const target = await startTarget()
  const { resource } = await startWithDemo('nginx', target.port, {
    change: replaced('error_page 401 403 500 = @refused;', ''),
  })
  const { findings } = await examineServer(resource, fetch)
  expect(findings).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ code: 'proxy.refusal_replaced', seen: expect.stringMatching(/^status 401 and 403/) }),
      expect.objectContaining({ code: 'proxy.status_replaced' }),
    ]),
  )
})

/** A token of a person who has signed in. A request without headers of 2026-07-28 needs every scope here. */
async function tokenFor(resource: string, issuer: string, scope = 'files:read files:write'): Promise<string> {
  const { tokens } = await createClient(issuer).obtainTokens({ resource, scope })
  return tokens.access_token
}

describe.each<[ProxyName, DemoOptions['change'], DemoOptions['change']]>([
  ['nginx', without(/proxy_set_header X-MCP-(User|Scopes) \$\w+;/g), without(/proxy_set_header Authorization "";/)],
  ['caddy', without(/request_header -X.MCP\*/g), without(/header_up -Authorization/)],
])('%s, seen from the place of the MCP server', (proxy, forgedBy, tokenBy) => {
  const examine = async (change?: DemoOptions['change']) => {
    const port = await freePort()
    const { resource, issuer } = await startWithDemo(proxy, port, { change })
    const standIn = await startStandIn(`http://127.0.0.1:${port}/mcp`)
    onTestFinished(() => standIn.close())
    const token = await tokenFor(resource, issuer)
    const { findings } = await examineServer(resource, fetch, { token, standIn, isTargetKnown: true })
    expect(standIn.arrived.length).toBeGreaterThan(0)
    expect(JSON.stringify(findings)).not.toContain(token)
    return findings
  }

  test('finds nothing in the documented configuration', async () => {
    expect(await examine()).toEqual([])
  })

  test('finds that clients can say who they are', async () => {
    const findings = await examine(forgedBy)
    expect(findings).toMatchObject([
      { code: 'proxy.identity_forged', seen: expect.stringMatching(/x.mcp.user\b.* of the client arrive$/) },
    ])
  })

  test('finds that the token is passed on', async () => {
    const findings = await examine(tokenBy)
    expect(findings).toMatchObject([{ code: 'proxy.token_passed_on', seen: 'the token arrives in authorization' }])
  })
})

test('finds, with a token that is not enough, that nginx loses the challenge of the 403', async () => {
  const target = await startTarget()
  const { resource, issuer } = await startWithDemo('nginx', target.port, {
    change: replaced('error_page 401 403 500 = @refused', 'error_page 401 500 = @refused'),
  })
  const token = await tokenFor(resource, issuer, 'files:read')
  const { findings } = await examineServer(resource, fetch, { token })
  const { cure } = findings.find(({ code }) => code === 'server.step_up_without_scope') ?? {}
  expect(cure).toContain('error_page 401 403 500 = @refused')
})

test('says that the MCP server is to be stopped where it still has the place of the stand-in', async () => {
  const { port } = await startTarget()
  await expect(startStandIn(`http://127.0.0.1:${port}/mcp`)).rejects.toThrow('stop the MCP server first')
})
