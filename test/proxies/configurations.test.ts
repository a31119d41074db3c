import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { PLAIN_HEADERS } from '../../app/gateway/identity.ts'
import { ASSERTION_HEADER, ASSERTION_KEYS_PATH } from '../../app/gateway/identity-assertion.ts'

const read = (name: string) => readFileSync(new URL(`../../docs/proxies/${name}`, import.meta.url), 'utf8')
const withoutComments = (name: string) =>
  read(name)
    .replace(/^\s*#.*$/gm, '')
    .toLowerCase()

describe.each(['nginx.conf', 'Caddyfile', 'traefik.yml', 'envoy.yaml'])('docs/proxies/%s', name => {
  const text = withoutComments(name)

  it('hands on who is calling, and neither token nor key', () => {
    for (const header of Object.values(PLAIN_HEADERS)) expect(text).toContain(header)
    expect(read(name).toLowerCase()).toContain(ASSERTION_HEADER)
    for (const secret of ['authorization', 'dpop', 'x-api-key']) expect(text).toContain(secret)
  })

  it('sends idplug what clients read before they have a token', () => {
    const paths = [
      'oauth-protected-resource',
      'oauth-authorization-server',
      'openid-configuration',
      'oauth/',
      ASSERTION_KEYS_PATH.slice('/.well-known/'.length),
    ]
    for (const path of [...paths, 'fakeupstreamauth/']) expect(text).toContain(path)
    expect(text).toContain(name === 'envoy.yaml' ? '/ext-authz' : '/forward-auth')
    expect(text).toContain('options')
  })
})

it.each(['traefik.yml', 'envoy.yaml'])('docs/proxies/%s is YAML, and says that nobody has run it', name => {
  expect(parse(read(name))).toBeTypeOf('object')
  expect(read(name)).toContain('NOT RUN')
})
