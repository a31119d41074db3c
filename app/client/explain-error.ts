import {
  AuthorizationServerMismatchError,
  InsecureTokenEndpointError,
  InsufficientScopeError,
  IssuerMismatchError,
  OAuthError,
  RegistrationRejectedError,
  SdkHttpError,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { causesOf, isPlainText } from 'idplug/internal'
import { jsonObject } from '../json-object.ts'
import { DiscoveryError, NoClientError } from './authorizer.ts'
import { ForeignAnswerError } from './grants.ts'
import { NoAnswerError, UnsafeUrlError } from './guarded-fetch.ts'
import { TokenLostError } from './session.ts'

/** What went wrong, in words. */
export interface Explanation {
  /** Code of the protocol, where there is one: `invalid_grant`. */
  readonly code?: string
  readonly what: string
  readonly cure?: string
}

interface Words {
  what: string
  cure: string
}

const TOKEN_LOST =
  'A proxy in front of the server has to pass the Authorization header on (nginx: proxy_set_header Authorization $http_authorization;).'
const ASK_OPERATOR = 'Tell the operator of the server; `idplug doctor URL` says what is wrong with it.'

/** Error codes that an authorization server or an MCP server may answer with, by the document that defines them. */
export const OAUTH_ERRORS: Readonly<Record<string, Words>> = {
  // RFC 6749 §4.1.2.1 and §5.2
  invalid_request: {
    what: 'The request lacks a parameter, or has one that is not allowed.',
    cure: 'The answer above says which. If it mentions the redirect URI or PKCE, check the settings of the client at the provider.',
  },
  invalid_client: {
    what: 'The authorization server does not know this client, or its secret or key is wrong.',
    cure: 'If the client registered itself, `idplug login URL --register` registers it again. If you registered it, check --client-id and its secret.',
  },
  invalid_grant: {
    what: 'The code, refresh token or assertion has expired, was already used, was revoked, or belongs to another client.',
    cure: 'Sign in again: `idplug login URL`.',
  },
  unauthorized_client: {
    what: 'This client may not get tokens in this way.',
    cure: 'Allow the grant type in the settings of the client at the provider, or sign in another way.',
  },
  unsupported_grant_type: {
    what: 'The authorization server does not support this way of getting a token.',
    cure: 'Sign in another way: without --device or --client-credentials.',
  },
  unsupported_response_type: {
    what: 'The authorization server does not give codes to this client.',
    cure: 'Allow the authorization code flow in the settings of the client.',
  },
  invalid_scope: {
    what: 'A requested scope is unknown there, or not allowed for this client or person.',
    cure: 'Name allowed scopes with --scope. If the server itself asks for the wrong ones, `idplug doctor` shows that to its operator.',
  },
  access_denied: {
    what: 'The sign-in was refused: by the person, or by a rule of the organisation.',
    cure: 'Agree on the page, or ask the administrator for access.',
  },
  server_error: {
    what: 'The authorization server failed.',
    cure: 'Try again in a moment; nothing was lost here.',
  },
  temporarily_unavailable: {
    what: 'The authorization server cannot answer at the moment.',
    cure: 'Try again in a moment; nothing was lost here.',
  },
  // RFC 6750 §3.1
  invalid_token: {
    what: 'The MCP server does not accept the token.',
    cure: 'Sign in again; if it stays so, the operator finds the reason with `idplug explain --id` and the id of the request.',
  },
  insufficient_scope: {
    what: 'The sign-in does not allow this, and a new one did not change it.',
    cure: 'This person, or this machine, has not been granted the scopes named above: ask the administrator.',
  },
  // RFC 7591 §3.2.2
  invalid_redirect_uri: {
    what: 'The authorization server does not accept the address that the browser is to return to.',
    cure: 'Register it at the provider, or give one that is by --redirect-uri.',
  },
  invalid_client_metadata: {
    what: 'The authorization server did not register this client: it does not accept what the client says of itself.',
    cure: 'Register a client there yourself, and pass its id with --client-id.',
  },
  invalid_software_statement: {
    what: 'The authorization server registers clients with a software statement only.',
    cure: 'Register a client there yourself, and pass its id with --client-id.',
  },
  unapproved_software_statement: {
    what: 'The authorization server registers approved software only.',
    cure: 'Register a client there yourself, and pass its id with --client-id.',
  },
  // RFC 8707 §2
  invalid_target: {
    what: 'The authorization server does not issue tokens for this MCP server.',
    cure: `Its address has to be registered there as a resource (an API, an audience). ${ASK_OPERATOR}`,
  },
  // RFC 8628 §3.5
  authorization_pending: { what: 'The code has not been entered yet.', cure: 'Enter it, then try again.' },
  slow_down: { what: 'The authorization server was asked too often.', cure: 'Try again in a moment.' },
  expired_token: {
    what: 'The code was not entered in time.',
    cure: 'Start again: `idplug login URL --device`.',
  },
  // RFC 9449 §5 and §8
  invalid_dpop_proof: {
    what: 'The proof of possession (DPoP) was refused.',
    cure: 'Check the clock of this machine. To make a new key, run `idplug logout URL`, then `idplug login URL`.',
  },
  use_dpop_nonce: {
    what: 'The server wants a nonce in the proof, and then refused the nonce that it gave.',
    cure: ASK_OPERATOR,
  },
  // RFC 9470 §3
  insufficient_user_authentication: {
    what: 'The server wants a stronger or a fresher sign-in.',
    cure: 'Sign in again, with a second factor where the provider offers it.',
  },
  // OpenID Connect Core §3.1.2.6
  login_required: { what: 'Nobody is signed in at the provider.', cure: 'Sign in again: `idplug login URL`.' },
  consent_required: {
    what: 'The provider needs consent, and was not allowed to ask for it.',
    cure: 'Ask an administrator to consent for the organisation, or to let people consent.',
  },
  interaction_required: {
    what: 'The provider needs the person to do something.',
    cure: 'Sign in again with a browser: `idplug login URL`.',
  },
  account_selection_required: {
    what: 'The provider does not know which account is meant.',
    cure: 'Sign in again with a browser: `idplug login URL`.',
  },
  // Not in any of them, but seen
  too_many_requests: { what: 'The authorization server was asked too often.', cure: 'Try again in a moment.' },
}

/** Says what an error means. Text of servers is cut short and freed of control characters; tokens are never in it. */
export function explainError(error: unknown): Explanation {
  if (error instanceof OAuthError) return explainOAuthError(error)
  if (error instanceof RegistrationRejectedError) return explainRegistration(error)
  if (error instanceof InsufficientScopeError) {
    const { what, cure } = OAUTH_ERRORS.insufficient_scope as Words
    const named = error.requiredScope ? ` It needs: ${clean(error.requiredScope)}.` : ''
    return { code: 'insufficient_scope', what: `${what}${named}`, cure }
  }
  if (error instanceof IssuerMismatchError) {
    // What came is the attacker's in a mix-up, and is not shown (RFC 9207 §2.4).
    return error.kind === 'metadata'
      ? {
          code: 'issuer_mismatch',
          what: `The metadata of the authorization server names another issuer than ${clean(error.expected ?? '')}.`,
          cure: ASK_OPERATOR,
        }
      : {
          code: 'issuer_mismatch',
          what: 'The answer to the sign-in came from a different authorization server than the one that was asked, or does not say which. Its code was not used.',
          cure: 'If you did not start two sign-ins at once, somebody may be trying to steal your token.',
        }
  }
  if (error instanceof AuthorizationServerMismatchError || error instanceof InsecureTokenEndpointError) {
    return { what: clean(error.message), cure: ASK_OPERATOR }
  }
  if (error instanceof ForeignAnswerError) {
    return {
      what: `The browser came back with an answer that does not belong to this sign-in: ${error.message}.`,
      cure: 'Start again, and finish the sign-in that was opened last.',
    }
  }
  if (error instanceof UnsafeUrlError) return { what: `Not followed: ${error.message}.`, cure: ASK_OPERATOR }
  if (error instanceof DiscoveryError)
    return { what: sentence(clean(error.message)), cure: clean(error.cure ?? ASK_OPERATOR) }
  if (error instanceof TokenLostError) return { what: sentence(error.message), cure: TOKEN_LOST }
  if (error instanceof NoClientError) return { what: sentence(error.message) }
  if (error instanceof UnauthorizedError) return { code: 'invalid_token', ...(OAUTH_ERRORS.invalid_token as Words) }
  if (error instanceof SdkHttpError) return explainStatus(error)
  const failure = networkFailure(error)
  if (failure) return explainFailure(failure, silentOrigin(error))
  return { what: sentence(clean(error instanceof Error ? error.message : String(error))) }
}

function explainOAuthError({ code, message }: OAuthError): Explanation {
  const words = OAUTH_ERRORS[code]
  // The SDK makes a server_error of whatever is not an answer of OAuth, and puts the body into it.
  const said = code === 'server_error' || !message ? '' : ` It says: ${clean(message)}`
  if (words) return { code, what: `${words.what}${said}`, cure: words.cure }
  return { code: clean(code), what: `The authorization server refused.${said}`, cure: ASK_OPERATOR }
}

function explainRegistration({ body, status }: RegistrationRejectedError): Explanation {
  const answer = jsonObject(body) ?? {}
  // Auth0 puts the name of the HTTP status there: that is not an error code of OAuth.
  if (typeof answer.error === 'string' && !answer.error.includes(' ')) {
    return explainOAuthError(new OAuthError(answer.error, String(answer.error_description ?? '')))
  }
  return {
    what: `The authorization server did not register this client (status ${status}).`,
    cure: 'Register a client there yourself, and pass its id with --client-id. If the server is yours, AUTH_BRIDGE=on lets clients register.',
  }
}

function explainStatus({ message, status, data }: SdkHttpError): Explanation {
  switch (status) {
    case 401:
      return { code: 'invalid_token', ...(OAUTH_ERRORS.invalid_token as Words) }
    case 403:
      return {
        what: 'The server refused the request and did not say why.',
        cure: 'It may allow only certain addresses or origins: ask its operator.',
      }
    case 404:
      return {
        what: 'There is no MCP endpoint at this URL.',
        cure: 'The path is often /mcp. If it is, look at the port: the authorization server has another one.',
      }
    case 301:
    case 302:
    case 303:
    case 307:
    case 308: {
      const target = /^.*Redirect to (\S+) not followed/.exec(message)?.[1]
      return {
        what: `The server sends its clients on${target === undefined ? '' : ` to ${clean(target)}`}, which is not followed (status ${status}).`,
        cure: 'If that is where the server is, use that URL. If it is a sign-in page, something in front of the server keeps MCP clients out: tell its operator.',
      }
    }
    case 405:
      return {
        what: 'The server takes no POST at this URL (status 405).',
        cure: 'The path is often /mcp. If it is, something in front of the server may take GET alone: tell its operator.',
      }
    case 429:
      return { what: 'The server was asked too often.', cure: 'Try again in a moment.' }
    case 502:
    case 503:
    case 504:
      return {
        what: `The server cannot answer at the moment (status ${status}).${saidIn(data.text)}`,
        cure: 'Try again in a moment; your sign-in is kept.',
      }
    default:
      return { what: sentence(clean(message)) }
  }
}

/** What an error of JSON-RPC says for people, such as that of a gateway about the server behind it. */
function saidIn(body: unknown): string {
  const { error } = (jsonObject(String(body)) ?? {}) as { error?: { message?: unknown } }
  return typeof error?.message === 'string' && error.message ? ` It says: ${sentence(clean(error.message))}` : ''
}

/** @param origin - Of the authorization server, if that is what gives no answer, and not the MCP server. */
function explainFailure(failure: string, origin: string | undefined): Explanation {
  if (origin) {
    return {
      what: `The authorization server ${origin}, which the MCP server names, cannot be reached: ${failure}.`,
      cure: 'Check that it is running. If it has another address, the setting of the MCP server is wrong: tell its operator.',
    }
  }
  if (isPlainText(failure)) {
    return {
      what: `The server does not speak https there (${failure}).`,
      cure: 'Use http:// for a server on this machine; elsewhere, something in front of it has to speak https.',
    }
  }
  return { what: `The server cannot be reached: ${failure}.`, cure: 'Check the URL, and that the server is running.' }
}

function silentOrigin(error: unknown): string | undefined {
  return causesOf(error).find(cause => cause instanceof NoAnswerError)?.origin
}

function networkFailure(error: unknown): string | undefined {
  let failure: string | undefined
  for (const cause of causesOf(error).filter(each => each instanceof Error)) {
    if (cause.name === 'TimeoutError') return 'it did not answer in time'
    const { code } = cause as NodeJS.ErrnoException
    if (typeof code === 'string' && NETWORK_CODE.test(code)) return code
    if (cause instanceof TypeError && cause.message === 'fetch failed') failure = 'fetch failed'
    else if (failure) failure = clean(cause.message)
  }
  return failure
}

/** Of Node, its TLS and its `fetch`. */
const NETWORK_CODE = /^(E[A-Z0-9]+$|UND_ERR_|CERT_|DEPTH_|SELF_|UNABLE_|ERR_TLS|ERR_SSL)/

const MAX_CHARACTERS = 300

function clean(text: string): string {
  const printable = text.replace(/\p{C}+/gu, ' ').trim()
  return printable.length > MAX_CHARACTERS ? `${printable.slice(0, MAX_CHARACTERS)}…` : printable
}

function sentence(text: string): string {
  // A URL has no other spelling.
  const capital = /^https?:/.test(text) ? text : `${text.charAt(0).toUpperCase()}${text.slice(1)}`
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`
}
