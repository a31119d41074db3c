import { isLoopback } from 'idplug/internal'
import { knownClient } from '../commands/doctor/client-facts.ts'
import { type Attempt, nameOf, type SilenceName } from './attempt.ts'
import { startOf } from './clients.ts'
import type { Problem } from './seen.ts'

/** What is known of our own authorization server, where it writes as well. */
export interface SeenServer {
  readonly registers: boolean
  readonly readsDocuments: boolean
}

export interface Surroundings {
  /** Our own authorization server at this issuer, if it writes to this watcher. */
  server(issuer: string): SeenServer | undefined
  /** Whether the issuer is one of ours, as MCP servers say. */
  isOwn(issuer: string): boolean
}

type Words = Omit<Problem, 'code'>

/** What it means that nothing comes, and what ends it. */
export function silenceProblem(silence: SilenceName, attempt: Attempt, surroundings: Surroundings): Problem {
  return { code: `silent_after_${silence}`, ...SILENCES[silence](attempt, surroundings) }
}

const SILENCES: Readonly<Record<SilenceName, (attempt: Attempt, surroundings: Surroundings) => Words>> = {
  challenge: attempt =>
    attempt.origin === undefined
      ? {
          means:
            'The client got its 401 and did not read the metadata: it knows no OAuth, waits for its user, or a header with an old token is set in its configuration.',
          fix: `${begin(attempt)} If it has no sign-in, put mcp-remote in between, or give it an API key.`,
          see: 'docs/clients.md',
        }
      : {
          means: `The web page at ${attempt.origin} got its 401 and did not go on: its browser kept the answer from it, or the page knows no OAuth.`,
          fix: 'Look at the console of the browser. A proxy in front must not take away WWW-Authenticate or Access-Control-*; idplug doctor looks at both.',
          see: 'docs/doctor.md',
        },
  preflight: attempt => ({
    means: `The browser asked whether the page ${attempt.origin ? `at ${attempt.origin} ` : ''}may send its request, was told yes, and sent nothing.`,
    fix: 'The answer did not reach the browser as it was sent: a proxy in front answers OPTIONS itself or changes Access-Control-*, or the page was closed. Look at the console of the browser.',
    see: 'docs/doctor.md',
  }),
  wrong_path: () => ({
    means: 'The client looks for the metadata at a place where it is not, and at no other.',
    fix: 'Mount authRoutes at the root, in front of everything else. A proxy in front has to pass on /.well-known/, too. Clients from before June 2025 look in one place only: AUTH_MODE=embedded helps them.',
    see: 'docs/own-server.md',
  }),
  resource_metadata: ({ issuer }, surroundings) => afterResourceMetadata(issuer, surroundings),
  server_metadata: (attempt, surroundings) => afterServerMetadata(attempt, surroundings),
  registration: attempt => ({
    means:
      'The client registered and opened no browser: its user has not followed the link, or it runs where there is no browser.',
    fix: `${begin(attempt)} On a machine without a browser, open the link that it shows by hand.`,
    see: 'docs/clients.md',
  }),
  person: () => ({
    means: 'The browser shows a page, and the person did not go on: they left, or are waiting for something.',
    fix: 'Have them finish or begin anew. If the browser shows no page, it cannot reach this address.',
    see: 'docs/clients.md',
  }),
  provider: () => ({
    means: 'The person was sent on to the provider and did not come back: they left, or the provider shows an error.',
    fix: 'Look at the page of the provider. Most often a redirect URI is not registered there: idplug doctor prints the one that has to be.',
    see: 'docs/bridge.md',
  }),
  return: ({ redirectOrigin }) => ({
    means: `The browser was sent back to ${redirectOrigin ?? 'the client'} with a code, and the client did not redeem it${
      redirectOrigin && isOnThisMachine(redirectOrigin)
        ? ': nothing listens there any more, or the browser runs on another machine than the client (SSH, container)'
        : ': the page there failed, or it did not accept state or iss'
    }.`,
    fix: 'Look at the page that the browser ended on. Over SSH or in a container, forward the port; otherwise restart the client and sign in again.',
    see: 'docs/clients.md',
  }),
  token: attempt => ({
    means:
      'The client has its access token and does not call the server: it did not accept the answer, or its user has to connect again.',
    fix: `${begin(attempt)} The log of the client says what it did not like.`,
    see: 'docs/clients.md',
  }),
  refused_token: attempt => ({
    means: 'The client was told that its token is no longer good, and neither refreshed nor signed in again.',
    fix: `${begin(attempt)} A token that somebody wrote into its configuration has to be taken out.`,
    see: 'docs/refusals.md',
  }),
  step_up: () => ({
    means: 'The client was told that it needs more scopes, and does not ask for them: many do not step up.',
    fix: 'Set AUTH_SIGN_IN_SCOPES=all, so that it gets all scopes at sign-in, and sign in again.',
    see: 'docs/clients.md',
  }),
}

function begin(attempt: Attempt): string {
  const start = startOf(nameOf(attempt))
  return start ? `${start[0]?.toUpperCase()}${start.slice(1)}.` : 'See whether the client asks its user to sign in.'
}

function afterResourceMetadata(issuer: string | undefined, surroundings: Surroundings): Words {
  if (issuer === undefined) {
    return {
      means: 'The metadata names no authorization server, so the client does not know where to sign in.',
      fix: 'Run idplug doctor: the provider may be misconfigured.',
      see: 'docs/doctor.md',
    }
  }
  if (!surroundings.isOwn(issuer)) {
    return {
      means: `The client was told to sign in at ${issuer}, which is not seen from here, and did not come back with a token.`,
      fix: 'Look at what the client shows. Where clients cannot register at the provider, the client needs an id from there, or the server AUTH_BRIDGE=on; idplug doctor says which clients get through.',
      see: 'docs/bridge.md',
    }
  }
  if (!surroundings.server(issuer)) {
    return {
      means: `The client was told to sign in at ${issuer}. Whether it went there is not seen: that server does not write to this socket.`,
      fix: 'Start it with the same AUTH_WATCH.',
      see: 'docs/watch.md',
    }
  }
  const isLocal = isOnThisMachine(issuer)
  return {
    means: `The client was told to sign in at ${issuer}, and nothing came there: it cannot reach that address${
      isLocal ? ', which is this machine only' : ''
    }, or a web page was not allowed to.`,
    fix: `Open ${issuer}/.well-known/oauth-authorization-server where the client runs. If it is not the address that clients use, set AUTH_SERVER_URL${
      isLocal ? ' (and PUBLIC_URL) to one that others reach' : ''
    }.`,
    see: 'docs/settings.md',
  }
}

function afterServerMetadata(attempt: Attempt, { server }: Surroundings): Words {
  const name = nameOf(attempt)
  const { manual } = knownClient(name) ?? {}
  const found = attempt.issuer === undefined ? undefined : server(attempt.issuer)
  if (found && !found.registers) {
    return {
      means: `The client read the metadata and cannot go on: it may not register here (REGISTRATION=off)${
        found.readsDocuments
          ? ', and seems to publish no metadata document'
          : ' nor publish a metadata document (CIMD=off)'
      }.`,
      fix: `Set REGISTRATION=on, or give the client an id (AUTH_CLIENTS_FILE) and enter it in the client${manual ? `: ${manual}` : ''}.`,
      see: 'docs/clients.md',
    }
  }
  return {
    means:
      'The client read the metadata and went no further: it waits for its user to begin the sign-in, or it did not accept the metadata (an issuer that is spelled in another way than its address).',
    fix: `${begin(attempt)} If it shows an error instead, run idplug doctor with the URL of the server.`,
    see: 'docs/doctor.md',
  }
}

function isOnThisMachine(url: string): boolean {
  return isLoopback(URL.parse(url)?.hostname ?? '')
}
