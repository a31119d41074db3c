import type { AuthObserver } from 'idplug'
import { Counter, Histogram, type Registry } from 'prom-client'

type Facts = Readonly<Record<string, unknown>>

const SIGN_INS = ['signed_in', 'nobody', 'not_allowed', 'behind', 'away', 'rejected_us']
const REFRESHES = ['issued', 'repeated', 'refused', 'unavailable']
const ENDINGS = ['nobody', 'not_allowed', 'other']
const GRANT_TYPES: Readonly<Record<string, string>> = {
  authorization_code: 'authorization_code',
  refresh_token: 'refresh_token',
  client_credentials: 'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code': 'device_code',
  'urn:ietf:params:oauth:grant-type:jwt-bearer': 'jwt_bearer',
}
const TYPES = [...Object.values(GRANT_TYPES), 'other']

const LIMITS = ['address', 'total']
const ACTIVITIES = [
  'registrations',
  'authorization requests',
  'device codes',
  'device pages',
  'wrong user codes',
  'sign-in steps',
  'refused credentials',
  'documents',
]

const listed = (value: unknown, values: readonly string[]) => (values.includes(String(value)) ? String(value) : 'other')

/** Counts what the authorization server says in its events, and measures its calls. Labels take only values that the code lists. */
export function createAuthorizationServerMetrics(
  registry: Registry,
): Required<Pick<AuthObserver, 'authorizationServer' | 'authorizationServerCall'>> {
  const registers = [registry]
  /** Every value is there from the start, at 0: a rate would miss the first event otherwise. */
  function counter(name: string, help: string, label: string, values: readonly string[]) {
    const counted = new Counter({ name, help, labelNames: [label], registers })
    for (const value of values) counted.inc({ [label]: value }, 0)
    return (value: unknown) => counted.inc({ [label]: listed(value, values) })
  }

  const signIn = counter('idplug_sign_ins_total', 'Sign-ins by outcome.', 'outcome', [...SIGN_INS, 'other'])
  const refresh = counter('idplug_refreshes_total', 'Refreshes by outcome.', 'outcome', REFRESHES)
  const ended = counter(
    'idplug_access_ended_total',
    'Grants that ended at a refresh, by what the provider or the rules said.',
    'outcome',
    ENDINGS,
  )
  const issued = counter('idplug_tokens_issued_total', 'Access tokens by type of the grant.', 'grant_type', TYPES)
  const registered = counter('idplug_registrations_total', 'Registrations of clients by outcome.', 'outcome', [
    'registered',
    'refused',
  ])
  const plain = (name: string, help: string) => new Counter({ name, help, registers })
  const limited = new Counter({
    name: 'idplug_limited_requests_total',
    help: 'Requests to the authorization server that were one too many, by what is limited and whether from one address or in total.',
    labelNames: ['activity', 'limit'],
    registers,
  })
  const revoked = plain('idplug_families_revoked_total', 'Grants that were revoked with all of their tokens.')
  const bugs = plain('idplug_authorization_server_errors_total', 'Requests that ended in an error of our own.')
  const calls = {
    upstream: callMetrics(registry, 'idplug_bridge', 'the provider at which people sign in'),
    store: callMetrics(registry, 'idplug_store', 'the store'),
  }

  const counts: Readonly<Record<string, (facts: Facts) => void>> = {
    signed_in: () => signIn('signed_in'),
    sign_in_refused: ({ outcome }) => signIn(outcome),
    access_ended: ({ outcome }) => ended(outcome),
    refresh_repeated: () => refresh('repeated'),
    token_issued({ grantType }) {
      issued(GRANT_TYPES[String(grantType)])
      if (grantType === 'refresh_token') refresh('issued')
    },
    token_refused({ grantType, error }) {
      if (grantType === 'refresh_token') refresh(error === 'temporarily_unavailable' ? 'unavailable' : 'refused')
    },
    client_registered: () => registered('registered'),
    registration_refused: () => registered('refused'),
    // One event for all of a minute.
    strangers_refused: ({ activity, limit, requests }) =>
      limited.inc({ activity: listed(activity, ACTIVITIES), limit: listed(limit, LIMITS) }, Number(requests)),
    family_revoked: () => revoked.inc(),
    server_error: () => bugs.inc(),
  }

  return {
    authorizationServer: (event, facts) => counts[event]?.(facts),
    authorizationServerCall: ({ dependency, ...call }) => calls[dependency](call),
  }
}

function callMetrics(registry: Registry, prefix: string, whom: string) {
  const registers = [registry]
  const count = new Counter({
    name: `${prefix}_calls_total`,
    help: `Calls to ${whom} by operation and outcome.`,
    labelNames: ['operation', 'outcome'],
    registers,
  })
  const time = new Histogram({
    name: `${prefix}_seconds`,
    help: `Time that calls to ${whom} took.`,
    labelNames: ['operation'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 2.5, 10],
    registers,
  })
  return ({ operation, outcome, milliseconds }: { operation: string; outcome: string; milliseconds: number }) => {
    count.inc({ operation, outcome })
    time.observe({ operation }, milliseconds / 1000)
  }
}
