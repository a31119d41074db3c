import type { LogLevel } from './log.ts'

/** One kind of line in the log: what it means, and what an operator does about it. */
export interface EventEntry {
  /** Level, unless {@link levelOf} finds a reason for a higher one. */
  readonly level: Exclude<LogLevel, 'silent'>
  /** Members beside `level`, `time` and `event`, and those of the request. Not every line has all of them. */
  readonly members: readonly string[]
  /** When it is written. */
  readonly means: string
  /** Absent where there is nothing to do. */
  readonly action?: string
}

/** Members of every event of the authorization server that was decided for a request. */
export const REQUEST_MEMBERS = ['request_id', 'address']

/** Events of the process and of the MCP server. */
export const serverEvents = {
  started: {
    level: 'info',
    members: ['resource', 'resources', 'issuer', 'issuers', 'access_tokens'],
    means: 'The process serves requests.',
  },
  stopping: { level: 'info', members: ['signal', 'drain_seconds'], means: 'The process was told to stop.' },
  provider_not_ready: {
    level: 'warn',
    members: ['issuers', 'reason'],
    means:
      'At the start, the provider could not be asked (`error`: it says that our settings are wrong). Requests get 503 until it can.',
    action: 'Run `npx idplug doctor`.',
  },
  proxy_misconfigured: {
    level: 'error',
    members: ['reason', 'proxy'],
    means:
      'Forward auth cannot answer a proxy: it is not trusted (`proxy` is its address), or does not describe the request. Clients get 500.',
    action: 'Do what `reason` says: docs/proxies/README.md.',
  },
  request_accepted: {
    level: 'info',
    members: ['request_id', 'issuer', 'subject', 'client_id', 'provider', 'operation', 'address'],
    means: 'A request to the MCP endpoint was let through.',
  },
  request_refused: {
    level: 'info',
    members: [
      'status',
      'reason',
      'facts',
      'request_id',
      'issuer',
      'subject',
      'client_id',
      'provider',
      'operation',
      'address',
    ],
    means:
      'A request was refused (`warn` with 503: something that we depend on is away; `error` with 500: our settings are wrong).',
    action: '`npx idplug explain --id ID` spells out the reason; docs/refusals.md lists them.',
  },
  request_failed: {
    level: 'error',
    members: [
      'status',
      'request_id',
      'issuer',
      'subject',
      'client_id',
      'provider',
      'operation',
      'address',
      'err',
      'msg',
    ],
    means: 'A bug ended a request.',
    action: 'Report it with the line.',
  },
  tool_called: {
    level: 'info',
    members: ['request_id', 'tool', 'target', 'issuer', 'subject', 'client_id', 'milliseconds', 'outcome', 'status'],
    means:
      'The gateway passed the call of a tool on: `answered`, `failed` (with the status of the answer), or `cut` (it ended early: the client, the target or the token is gone; without a status, before an answer began).',
  },
  target_failed: {
    level: 'warn',
    members: ['request_id', 'target', 'reason', 'status'],
    means:
      'The server behind the gateway gave no answer that could be passed on. The client got the status; without one, its answer was cut.',
    action: 'docs/gateway.md, "When the target fails".',
  },
  target_not_ready: {
    level: 'warn',
    members: ['target', 'reason'],
    means:
      'The server behind the gateway did not answer as an MCP server does, when the gateway asked it once: at the start, or when its file named it.',
    action: 'Do what the reason says. A server that starts later than the gateway needs nothing.',
  },
  gateway_file_read: {
    level: 'info',
    members: ['resources'],
    means: 'The file of the gateway changed and was taken over.',
  },
  gateway_file_not_read: {
    level: 'error',
    members: ['message'],
    means: 'The file of the gateway changed and cannot be used, or needs a restart; everything stays as it was.',
    action: 'Correct the file, or restart the gateway.',
  },
  assertion_keys_not_read: {
    level: 'error',
    members: ['message'],
    means:
      'The file with the keys of assertions cannot be used. The gateway goes on with the keys that it read before.',
    action: 'Do what the message says, before a key has signed for a day.',
  },
  command_started: {
    level: 'info',
    members: ['target', 'pid', 'issuer', 'subject', 'client_id'],
    means: 'The gateway started the command of a server, for this person.',
  },
  command_stderr: {
    level: 'info',
    members: ['target', 'pid', 'line'],
    means: 'The command of a server wrote a line to its standard error.',
  },
  request_over_limit: {
    level: 'warn',
    members: ['request_id', 'target', 'limit', 'status', 'issuer', 'subject', 'client_id'],
    means:
      'The gateway refused a request without looking into it: this person (`limit`: `person`), or all together (`total`), have too many open.',
    action: 'Find out who it is, or run another gateway.',
  },
  command_output_dropped: {
    level: 'warn',
    members: ['target', 'pid', 'stream', 'lines'],
    means:
      'The command of a server wrote more than 200 lines to its standard error within 10 seconds, or as many things to its standard output that are not messages. So many are not in the log.',
    action: 'Make the server log less.',
  },
  command_invalid_output: {
    level: 'warn',
    members: ['target', 'pid', 'reason'],
    means:
      'The command of a server wrote something to its standard output that is not a message of MCP (`not JSON`, `not JSON-RPC`: what it seems to answer has got 502), or one that nobody waits for.',
    action: 'It must log to standard error. For an answer, mend the server.',
  },
  command_ended: {
    level: 'info',
    members: ['target', 'pid', 'reason', 'expected'],
    means: 'The command of a server ended (`warn`: by itself).',
  },
  orphan_guard_failed: {
    level: 'warn',
    members: ['target', 'message'],
    means: 'If the gateway is killed, commands that do not end with their standard input go on.',
    action: 'Look for their processes after a crash of the gateway.',
  },
  validator_warning: {
    level: 'warn',
    members: ['facts', 'msg'],
    means: 'A validator works, but found something that its operator should know.',
    action: 'Read `msg`.',
  },
  shadow_observed: {
    level: 'info',
    members: ['provider', 'active', 'shadow', 'reason', 'facts', 'issuer', 'subject', 'client_id'],
    means: 'What the provider in the shadow made of a token (`warn`: it refuses what is accepted now).',
    action: 'docs/migration.md.',
  },
  links_read: { level: 'info', members: ['links'], means: 'The file of AUTH_LINKS was read again.' },
  links_not_read: {
    level: 'error',
    members: ['message', 'msg'],
    means: 'The file of AUTH_LINKS has changed and cannot be used; the links from before stay in use.',
    action: 'Correct the file.',
  },
  protocol_error: { level: 'debug', members: ['message'], means: 'The MCP protocol layer refused a message.' },
  bug: {
    level: 'error',
    members: ['err', 'operation'],
    means: 'Something failed that must not.',
    action: 'Report it with the line.',
  },
} as const satisfies Record<string, EventEntry>

/** Of every refusal at an endpoint of the protocol. */
const REFUSAL_MEMBERS = ['error', 'description', 'detail', 'client_id', 'subject', 'grant_type']

/** Events of the authorization server. */
export const authorizationServerEvents = {
  signed_in: {
    level: 'info',
    members: ['subject', 'client_id'],
    means: 'A person has come back from the provider, signed in.',
  },
  sign_in_refused: {
    level: 'info',
    members: ['client_id', 'outcome', 'reason'],
    means:
      'Nobody was signed in: `nobody` (the provider said no; `reason` has its code and its own words), `not_allowed` (by BRIDGE_ALLOW), or the provider gave no answer.',
    action:
      'With `not_allowed`, check the rules about people; otherwise as for upstream_unavailable and upstream_rejected_us.',
  },
  consent_given: {
    level: 'info',
    members: ['subject', 'client_id', 'scopes'],
    means: 'A person let a client have these scopes.',
  },
  consent_refused: { level: 'info', members: ['subject', 'client_id'], means: 'A person said no on the consent page.' },
  assertion_accepted: {
    level: 'info',
    members: ['issuer', 'subject', 'client_id'],
    means: 'An identity assertion (ID-JAG) was taken in place of a sign-in.',
  },
  token_issued: {
    level: 'info',
    members: ['client_id', 'subject', 'scope', 'resource', 'grant_type', 'grant_id'],
    means: 'A client got an access token. `grant_id` is the one that `npx idplug sessions` lists.',
  },
  refresh_repeated: {
    level: 'info',
    members: ['client_id'],
    means: 'A refresh was sent twice within the grace and got the same answer twice.',
  },
  token_refused: {
    level: 'info',
    members: REFUSAL_MEMBERS,
    means: 'The token endpoint refused a request.',
    action: 'Many of one client: docs/runbooks/client-misbehaving.md.',
  },
  authorization_refused: {
    level: 'info',
    members: REFUSAL_MEMBERS,
    means: 'An authorization request was refused.',
    action: 'Many of one client: docs/runbooks/client-misbehaving.md.',
  },
  device_authorization_refused: {
    level: 'info',
    members: REFUSAL_MEMBERS,
    means: 'A device authorization request was refused.',
  },
  introspection_refused: {
    level: 'info',
    members: REFUSAL_MEMBERS,
    means: 'Introspection was refused.',
    action: 'Often a wrong DEMO_RS_CLIENT_SECRET: both processes need the same.',
  },
  revocation_refused: {
    level: 'info',
    members: REFUSAL_MEMBERS,
    means: 'A request to revoke a token was refused.',
  },
  registration_refused: {
    level: 'info',
    members: REFUSAL_MEMBERS,
    means: 'A client could not register.',
    action: '`description` says which member of its metadata is the cause.',
  },
  client_registered: {
    level: 'info',
    members: ['client_id', 'client_name'],
    means: 'A client has registered itself. It chose its name.',
  },
  client_document_refused: {
    level: 'info',
    members: ['url', 'error', 'reason'],
    means: 'The metadata document of a client cannot be used or fetched.',
    action: 'If no document can be fetched from here: client_documents_unreachable.',
  },
  client_documents_unreachable: {
    level: 'warn',
    members: ['url', 'attempts', 'advertised', 'reason'],
    means:
      'The network led nowhere when the metadata document of a client was fetched. With `advertised: false`, the metadata no longer offers documents, and clients register.',
    action: 'Set HTTPS_PROXY, with CIMD_ALLOWED_HOSTS if the proxy wants names; or CIMD=off.',
  },
  client_documents_reachable: {
    level: 'info',
    members: [],
    means: 'A metadata document could be fetched; the metadata offers documents again.',
  },
  device_form_refused: {
    level: 'info',
    members: REFUSAL_MEMBERS,
    means: 'The page for the codes of devices got a form that did not come from it, or was open for too long.',
  },
  strangers_refused: {
    level: 'warn',
    members: ['activity', 'limit', 'requests'],
    means:
      'Requests got 429, because there were too many of an `activity` from one address, or in total (`limit`). Written once a minute, with the number of `requests`.',
    action: 'docs/runbooks/client-misbehaving.md.',
  },
  proxy_not_trusted: {
    level: 'warn',
    members: ['proxy', 'reason'],
    means: 'Requests come through a proxy that is not named, so that everybody behind it shares one limit.',
    action: 'Set TRUSTED_PROXIES to the address of the proxy (`proxy`).',
  },
  family_revoked: {
    level: 'info',
    members: ['grant_id', 'client_id', 'subject'],
    means: 'All tokens of a grant were revoked: by the client, or because a code or refresh token was used twice.',
    action: 'Without a request of the client to revoke: docs/runbooks/token-leak.md.',
  },
  access_ended: {
    level: 'info',
    members: ['subject', 'client_id', 'outcome', 'reason'],
    means:
      'At a refresh, the provider or the rules said that the person may no longer enter. They have to sign in again.',
  },
  upstream_behind: {
    level: 'warn',
    members: ['subject', 'client_id', 'reason'],
    means:
      'An answer of the provider cannot be checked yet: its key is new, and is fetched again each time. The client was told to try again. Nobody is signed out.',
    action:
      'If it goes on: does the key set of the provider hold the key that it signs with? docs/runbooks/key-rotation.md.',
  },
  upstream_session_unreadable: {
    level: 'error',
    members: ['reason'],
    means:
      'What the provider gave for somebody was sealed under a key that this process does not have. They get 503 here and are not signed out.',
    action: 'Give all processes the same BRIDGE_KEYS. If the key is lost for good, set REVOKE_BEFORE to now.',
  },
  upstream_unavailable: {
    level: 'warn',
    members: ['subject', 'client_id', 'reason'],
    means: 'The provider could not be asked about a person; the client was told to try again. Nobody is signed out.',
    action: 'docs/runbooks/provider-down.md.',
  },
  upstream_rejected_us: {
    level: 'error',
    members: ['subject', 'client_id', 'reason'],
    means:
      'The provider does not accept the bridge as its client, or answers what cannot be accepted. No refresh and no sign-in works until that is mended; nobody is signed out.',
    action:
      'Check BRIDGE_CLIENT_ID and its secret, certificate or key (expired?): `reason` has the words of the provider. Then `npx idplug doctor`.',
  },
  upstream_without_refresh_token: {
    level: 'warn',
    members: ['reason'],
    means: 'The provider gave no refresh token, so people sign in again after BRIDGE_MAX_AGE_SECONDS.',
    action: 'docs/bridge.md: what each provider wants for offline_access.',
  },
  upstream_end_failed: {
    level: 'info',
    members: ['grant_id', 'reason'],
    means:
      'The session at the provider could not be ended with its grant here. It is tried again every minute for a day.',
  },
  store_unreachable: {
    level: 'warn',
    members: ['reason'],
    means: 'The store does not answer. Requests get 503, and nobody loses anything.',
    action: 'docs/runbooks/store-lost.md.',
  },
  store_evicts: {
    level: 'warn',
    members: ['policy'],
    means:
      'Redis drops entries when its memory is full: a code or an assertion that was used could be used again, and people may be signed out.',
    action: 'Set maxmemory-policy noeviction, or give this server a Redis of its own.',
  },
  store_value_damaged: {
    level: 'error',
    members: ['collection'],
    means: 'A value of the store is not what was put in there. Requests that need it get 503.',
    action: 'docs/runbooks/store-lost.md.',
  },
  store_back: { level: 'info', members: [], means: 'The store answers again.' },
  signing_keys_changed: {
    level: 'info',
    members: ['signing', 'published'],
    means: 'Tokens are signed by another key from now on.',
  },
  signing_keys_not_loaded: {
    level: 'warn',
    members: ['reason'],
    means: 'The signing keys could not be read again; those from before stay in use.',
    action: 'As for store_unreachable, or BRIDGE_KEYS does not fit what is stored.',
  },
  server_error: {
    level: 'error',
    members: ['err'],
    means: 'A bug, or a store that answers something impossible.',
    action: 'Report it with the line.',
  },
} as const satisfies Record<string, EventEntry>

/** Events of `idplug sessions` and `idplug clients`: `by` is the user of the machine, or `--as`. */
export const commandEvents = {
  session_ended: {
    level: 'info',
    members: ['grant_id', 'subject', 'client_id', 'by'],
    means: 'An operator ended a session.',
  },
  client_revoked: {
    level: 'info',
    members: ['client_id', 'sessions', 'by'],
    means: 'An operator revoked a client; each session that ended with it has a line of its own.',
  },
  client_allowed: { level: 'info', members: ['client_id', 'by'], means: 'An operator let a revoked client come back.' },
} as const satisfies Record<string, EventEntry>

/** What the outcome of a sign-in says about who has to act. */
const OUTCOMES: Readonly<Record<string, EventEntry['level']>> = {
  behind: 'warn',
  away: 'warn',
  rejected_us: 'error',
}

/** Level of an event of the authorization server: its own, or that of what went wrong. */
export function levelOf(event: string, { error, outcome }: Readonly<Record<string, unknown>>): EventEntry['level'] {
  const { level }: Pick<EventEntry, 'level'> = (authorizationServerEvents as Record<string, EventEntry>)[event] ?? {
    level: 'info',
  }
  if (level !== 'info') return level
  return error === 'temporarily_unavailable' ? 'warn' : (OUTCOMES[String(outcome)] ?? level)
}
