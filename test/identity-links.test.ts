import { describe, expect, it } from 'vitest'
import { createIdentityResolver, type Identity } from '../src/identity-links.ts'

const demo = (subject: string): Identity => ({ issuer: 'https://demo.example', subject })
const auth0 = (subject: string): Identity => ({ issuer: 'https://acme.eu.auth0.com/', subject })
const okta = (subject: string): Identity => ({ issuer: 'https://acme.okta.com/oauth2/default', subject })

describe('linked identities', () => {
  it('lead to the former one, in both spellings of nothing else', () => {
    const resolve = createIdentityResolver([{ former: demo('ada'), current: auth0('auth0|1') }])
    expect(resolve(auth0('auth0|1'))).toEqual(demo('ada'))
    expect(resolve(demo('ada'))).toEqual(demo('ada'))
    expect(resolve(auth0('auth0|2'))).toEqual(auth0('auth0|2'))
    // The slash at the end of an issuer counts: it is another string, so another issuer.
    const other = { issuer: 'https://acme.eu.auth0.com', subject: 'auth0|1' }
    expect(resolve(other)).toEqual(other)
  })

  it('lead to the first one over several moves, and by several ways', () => {
    const resolve = createIdentityResolver([
      { former: auth0('auth0|1'), current: okta('00u1') },
      { former: demo('ada'), current: auth0('auth0|1') },
    ])
    expect(resolve(okta('00u1'))).toEqual(demo('ada'))
  })

  it('may be said twice', () => {
    const link = { former: demo('ada'), current: auth0('auth0|1') }
    expect(createIdentityResolver([link, link])(link.current)).toEqual(demo('ada'))
  })

  it.each([
    [
      'two persons of before become one',
      [
        { former: demo('ada'), current: auth0('auth0|1') },
        { former: demo('ben'), current: auth0('auth0|1') },
      ],
      'auth0|1 of https://acme.eu.auth0.com/ is linked with both ada of https://demo.example and ben',
    ],
    [
      'one person becomes two',
      [
        { former: demo('ada'), current: auth0('auth0|1') },
        { former: demo('ada'), current: auth0('auth0|2') },
      ],
      'ada of https://demo.example is linked with both auth0|1',
    ],
    [
      'they go in a circle',
      [
        { former: demo('ada'), current: auth0('auth0|1') },
        { former: auth0('auth0|1'), current: demo('ada') },
      ],
      'go round in a circle',
    ],
  ])('are refused where %s', (_case, links, message) => {
    expect(() => createIdentityResolver(links)).toThrow(message)
  })
})
