import { createBrowser } from '../../support/browser.ts'
import { freePort } from '../../support/http.ts'
import { accepted, bridge, cannot, direct, introspection, NOT_YET_VALID, says } from '../modes.ts'
import { createProgram } from '../support/program.ts'
import { ALL_SCOPES, type Definition } from './server.ts'
import { createStandardServer } from './standard-server.ts'

const NO_PEOPLE = cannot('it has no accounts')
const NOT_REVOKED = cannot('its revocation endpoint does nothing')

export const oauth2MockServer: Definition = {
  name: 'oauth2-mock-server',
  version: '9.3.0',
  from: { npm: 'oauth2-mock-server' },
  setUp: 'its hooks put person, client and resource into tokens',
  async create() {
    const issuer = `http://localhost:${await freePort()}`
    const program = createProgram('oauth2-mock-server', { issuer })
    const server = createStandardServer({
      issuer,
      ...program,
      takesResource: true,
      hasMachines: true,
      subjectOf: person => person,
      async signIn(url, person) {
        url.searchParams.set('login_hint', person)
        return (await createBrowser().open(url)).url
      },
    })
    return { ...server, replaceKeys: () => program.call('replaceKeys') }
  },
  modes: [
    direct(
      {
        'with our clock 40 seconds behind, a fresh token is accepted': says(
          [NOT_YET_VALID, accepted('ada', 'client ours', ALL_SCOPES)],
          'its tokens are valid from 10 seconds before they are issued',
        ),
        'a revoked token is refused': NOT_REVOKED,
        'the token of somebody who was removed is refused': NO_PEOPLE,
      },
      { scopes: ALL_SCOPES },
    ),
    {
      name: 'introspection',
      adapter: 'introspection',
      settings: introspection().settings,
      refuses: '401 audience_missing: expected [RESOURCE, RESOURCE/]',
      because: 'it answers `{ "active": true }` about any token, and nothing else',
    },
    bridge({
      'somebody who was removed is signed out by the next refresh': NO_PEOPLE,
    }),
  ],
}
