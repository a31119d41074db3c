import { InvalidTokenError } from '../../src/errors.ts'

/** Beginnings of all tokens of GitHub: https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats */
export const SECRET_PREFIXES = ['gho_', 'ghu_', 'ghp_', 'github_pat_', 'ghs_', 'ghr_'] as const

/** Tokens before 2021, and client secrets, are 40 hexadecimal digits. */
export const TOKEN_SHAPES = [...SECRET_PREFIXES, /^[0-9a-f]{40}$/] as const

/** Kinds that belong to no app, or to no person; GitHub would answer 404 to all of them alike. */
const REFUSED_KINDS = [
  [
    /^(ghp|github_pat)_/,
    'personal_access_token',
    'the token is a personal access token, which belongs to no app',
    'Sign in with an MCP client instead.',
  ],
  [
    /^ghs_/,
    'installation_token',
    'the token is of an installation or of Actions',
    'Sign in as a user: none stands behind it.',
  ],
  [/^ghr_/, 'refresh_token', 'this is a refresh token', 'Send access_token of the token response, not refresh_token.'],
  [
    /^(?!gh[ou]_|[0-9a-f]{40}$)/,
    'other_token',
    'this is no token of a GitHub user',
    'Send a token that begins with gho_ or ghu_.',
  ],
] as const

/** @throws {InvalidTokenError} Not a token of a user for an app: not to be shown to the check endpoint. */
export function refuseOtherKinds(token: string): void {
  // Far above what GitHub issues: it answers 422 to what is too long, as if we asked too often.
  if (token.length > 2048)
    throw new InvalidTokenError({ kind: 'token_malformed', detail: 'longer than 2048 characters' })
  const found = REFUSED_KINDS.find(([shape]) => shape.test(token))
  if (found) throw new InvalidTokenError({ kind: `github.${found[1]}`, detail: found[2], cure: found[3] })
}

/** The check endpoint knows tokens of our own app only, and does not say more. */
export function notOurs(): InvalidTokenError {
  return new InvalidTokenError({
    kind: 'github.not_ours',
    detail: 'the token is unknown, revoked, expired, or issued to another app',
    cure: 'Sign in again. If that does not help, clientId (GITHUB_CLIENT_ID) must be the app that the MCP client signs in with.',
  })
}
