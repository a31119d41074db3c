import type { EventRecord, ServerRecord } from './read-server.ts'
import type { Problem } from './seen.ts'

/** A refusal in words, where what our authorization server says leaves open what to do. The first that fits counts. */
interface Rule {
  readonly event?: string
  readonly error?: RegExp
  /** Of description and detail. */
  readonly says?: RegExp
  readonly means: string
  readonly fix: string
  readonly see: string
}

const CLIENTS = 'docs/clients.md'
const NEW_SIGN_IN = 'Have the client begin the sign-in anew.'

const RULES: readonly Rule[] = [
  {
    event: 'client_document_refused',
    means: 'The metadata document of the client could not be fetched, or it cannot be used.',
    fix: 'Fetch it from this machine (curl). Behind a corporate proxy set HTTPS_PROXY; where the network lets nothing out, CIMD=off makes clients register. If the document is wrong, its publisher has to mend it.',
    see: CLIENTS,
  },
  {
    error: /invalid_redirect_uri/,
    means: 'The client wants to be sent back to an address that it did not register.',
    fix: 'Have it register again, or give the redirect URI to the client in AUTH_CLIENTS_FILE. Everything but the port of a loopback address has to be the same.',
    see: CLIENTS,
  },
  {
    event: 'registration_refused',
    means: 'What the client registered itself with cannot be accepted.',
    fix: 'The answer names the member of its metadata. For a redirect URI of another host or scheme: CLIENT_REDIRECT_HOSTS, CLIENT_REDIRECT_SCHEMES.',
    see: CLIENTS,
  },
  {
    error: /invalid_client/,
    means: 'The authorization server does not know this client id, or its secret is another one.',
    fix: 'Have the client forget what it has saved and register again. It is lost with a restart where nothing is stored: AUTH_STORE.',
    see: 'docs/production.md',
  },
  {
    error: /invalid_target/,
    means: 'The client asked for a token for a server that this authorization server does not know.',
    fix: 'The URL in the client has to be the resource of the server, to the letter: compare with PUBLIC_URL.',
    see: 'docs/own-server.md',
  },
  {
    says: /code_verifier|code_challenge|PKCE/,
    means: 'The proof of the token request (PKCE) is not that of the authorization request.',
    fix: `The client mixed up two sign-ins, or sent none: ${NEW_SIGN_IN.toLowerCase()} If it goes on, it is a fault of the client.`,
    see: CLIENTS,
  },
  {
    says: /redirect_uri/,
    means: 'The token request names another redirect URI than the authorization request.',
    fix: 'The client has to send the same one twice. Some take a new port in between: restart the client.',
    see: CLIENTS,
  },
  {
    says: /refresh token|grant (is )?(not found|expired|revoked)/,
    means: 'The refresh token is no longer valid: it was used twice, is too old, or its sign-in was ended.',
    fix: `${NEW_SIGN_IN} If it happens often, two processes of the client share one sign-in.`,
    see: 'docs/runbooks/client-misbehaving.md',
  },
  {
    says: /code (is expired|already used|not found)|consumed|already/,
    means: 'The code was used before, or is older than a minute.',
    fix: `${NEW_SIGN_IN} A client that stands still between browser and token request loses the code.`,
    see: CLIENTS,
  },
  {
    error: /invalid_scope/,
    means: 'The client asked for scopes that it may not have.',
    fix: 'Have it ask for the scopes of the challenge.',
    see: CLIENTS,
  },
  {
    event: 'consent_refused',
    means: 'The person said no on the consent page.',
    fix: 'Nothing, if they meant it. The client may ask again.',
    see: CLIENTS,
  },
  {
    event: 'sign_in_refused',
    error: /^not_allowed$/,
    means: 'The person signed in, and no rule lets them in.',
    fix: 'Add the person, or a group or domain of theirs, to BRIDGE_ALLOW, or have them take another account.',
    see: 'docs/people.md',
  },
  {
    event: 'sign_in_refused',
    means: 'The provider signed nobody in.',
    fix: 'Its words say why. If it does not accept the bridge: idplug doctor.',
    see: 'docs/bridge.md',
  },
  {
    error: /access_denied/,
    means: 'The person said no, or may not sign in.',
    fix: 'Look at the step before.',
    see: 'docs/people.md',
  },
  {
    error: /temporarily_unavailable/,
    means: 'Something that the authorization server depends on does not answer. Nobody is signed out.',
    fix: 'The log says what: the store, or the provider.',
    see: 'docs/runbooks/provider-down.md',
  },
  {
    error: /invalid_grant/,
    means:
      'The code or refresh token is not valid: used before, too old, of another client, or of a sign-in that was ended.',
    fix: NEW_SIGN_IN,
    see: CLIENTS,
  },
]

/** What stands in the way of a client whose request our authorization server refused. `undefined`: it was not refused. */
export function refusalProblem(record: ServerRecord): Problem | undefined {
  const { status = 0, place, events, error, error_description: description } = record
  const event = events.find(({ event }) => event.endsWith('_refused') || event.endsWith('_unreachable'))
  // 422: the page is shown again, because nothing was ticked.
  if (!event && error === undefined && (status < 400 || status === 422)) return undefined
  const facts = event?.facts ?? {}
  const code = String(facts.error ?? facts.outcome ?? error ?? '')
  const said = [facts.description ?? description, facts.detail, facts.reason].filter(Boolean).join('; ')
  const rule = RULES.find(rule => fits(rule, event, code, said)) ?? byStatus(status, place)
  const words = [code, said].filter(Boolean).join(': ')
  const { means, fix, see } = rule
  return { code: code || (event?.event ?? `status_${status}`), means: words ? `${means} (${words})` : means, fix, see }
}

function fits({ event, error, says }: Rule, seen: EventRecord | undefined, code: string, said: string): boolean {
  if (event !== undefined && event !== seen?.event) return false
  if (error && !error.test(code)) return false
  return !says || says.test(said)
}

function byStatus(status: number, place: string): Pick<Rule, 'means' | 'fix' | 'see'> {
  switch (status) {
    case 404:
      return place === 'registration'
        ? {
            means: 'Clients may not register here.',
            fix: 'Set REGISTRATION=on, or give the client an id (AUTH_CLIENTS_FILE).',
            see: CLIENTS,
          }
        : { means: 'There is nothing at this path.', fix: 'Compare it with the metadata.', see: CLIENTS }
    case 421:
      return {
        means: 'The request names another host than the issuer.',
        fix: 'A proxy may have changed Host, or the client took another address: AUTH_SERVER_URL has to be the one that clients use.',
        see: 'docs/production.md',
      }
    case 429:
      return {
        means: 'There were too many requests from this address.',
        fix: 'Wait, and see what sends them. Behind a proxy set TRUSTED_PROXIES, or everybody shares one limit.',
        see: 'docs/runbooks/client-misbehaving.md',
      }
    case 503:
      return {
        means: 'Something that the authorization server depends on does not answer.',
        fix: 'The log says what: the store, or the provider.',
        see: 'docs/runbooks/provider-down.md',
      }
    default:
      return status >= 500
        ? { means: 'A bug ended the request.', fix: 'Report it with the line of the log.', see: 'docs/events.md' }
        : {
            means: 'The request cannot be accepted, or the page is too old.',
            fix: `${NEW_SIGN_IN} The sign-in has to end in the browser in which it began, within ten minutes.`,
            see: CLIENTS,
          }
  }
}
