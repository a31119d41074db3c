import type { JsonWebKey } from 'node:crypto'
import { z } from 'zod'
import { httpsUrl, secretName, strictObject } from '../src/adapter-options.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import { type Environment, readSecret } from './environment.ts'
import { builtIn, readJsonFile } from './files.ts'

/** A client that the operator set up, in RFC 7591 members; secrets filled in. */
export type ClientEntry = {
  readonly client_id: string
  readonly client_name?: string
  readonly client_secret?: string
  readonly jwks?: { readonly keys: readonly object[] }
  readonly jwks_uri?: string
  readonly token_endpoint_auth_method: 'client_secret_basic' | 'private_key_jwt' | 'none'
  readonly grant_types: readonly string[]
  /** What it may have in its own name. */
  readonly scope?: string
  readonly response_types: readonly 'code'[]
  readonly redirect_uris: readonly string[]
  /** Ours alone: whether people are signed in for it without being asked. */
  readonly trusted?: true
}

const GRANT_TYPES = {
  client_credentials: ['client_credentials'],
  identity_assertion: ['urn:ietf:params:oauth:grant-type:jwt-bearer'],
  sign_in: ['authorization_code', 'refresh_token'],
} as const

const client = () =>
  strictObject({
    client_id: z.string().regex(/^[\x21-\x7e]{1,200}$/, 'must be 1 to 200 visible ASCII characters'),
    client_name: z.string().min(1).max(200).optional(),
    grants: z.array(z.enum(['client_credentials', 'identity_assertion', 'sign_in'])).min(1),
    scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope (RFC 6749 §3.3)')).default([]),
    clientSecretEnv: secretName.optional(),
    jwks: strictObject({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) }).optional(),
    jwks_uri: httpsUrl.optional(),
    public: z.literal(true).optional(),
    redirect_uris: z.array(z.string().min(1).max(2_000)).max(50).default([]),
    trusted: z.literal(true).optional(),
  })
    .refine(entry => [entry.clientSecretEnv, entry.jwks, entry.jwks_uri, entry.public].filter(Boolean).length === 1, {
      error: 'needs exactly one of clientSecretEnv, jwks and jwks_uri, or "public": true',
    })
    .refine(({ grants, public: isPublic }) => !isPublic || grants.every(grant => grant === 'sign_in'), {
      error: 'is public: only sign_in works without credentials',
    })
    .refine(({ grants, redirect_uris }) => grants.includes('sign_in') === redirect_uris.length > 0, {
      error: 'needs redirect_uris with the grant sign_in, and has none without it',
    })
    .refine(({ trusted, grants, public: isPublic }) => !trusted || (grants.includes('sign_in') && !isPublic), {
      error:
        'is trusted: that is for clients that sign people in and have credentials, because anybody can pose as another client',
    })
    .refine(({ trusted, redirect_uris }) => !trusted || redirect_uris.every(uri => uri.startsWith('https://')), {
      error:
        'is trusted: all of its redirect_uris must be https, because any program on a computer can listen at the others',
    })
    .refine(({ jwks }) => !jwks?.keys.some(key => 'd' in key || 'k' in key), {
      error: 'holds a private key: put in the public one only',
    })
    .refine(({ jwks }) => jwks?.keys.every(isKey) ?? true, {
      error: 'holds a key that is not a complete JWK: with it, no assertion of the client could be checked',
    })
    .refine(({ grants, scopes }) => !grants.includes('client_credentials') || scopes.length > 0, {
      error: 'needs scopes: what the client may have in its own name',
    })
    .refine(({ grants, scopes }) => scopes.length === 0 || grants.some(grant => grant !== 'sign_in'), {
      error: 'has scopes, which are what a client may have without a person: at a sign_in the person decides',
    })

function isKey(key: JsonWebKey): boolean {
  try {
    // A private or symmetric key has a sentence of its own.
    return 'k' in key || Boolean(builtIn('crypto').createPublicKey({ key, format: 'jwk' }))
  } catch {
    return false
  }
}

const clientsFile = () => strictObject({ $schema: z.string().optional(), clients: z.array(client()).max(1000) })

const SEE = 'docs/clients.md'

/**
 * Clients that the operator set up in the file that `AUTH_CLIENTS_FILE` names: machines that have tokens in their own name
 * (client_credentials), agents that bring identity assertions, and applications that sign people in. What is wrong with a redirect URI
 * is for the authorization server to say.
 *
 * @param problems - Every problem is added to it; none shows a secret.
 * @param taken - Ids under which MCP servers introspect. Default: none.
 */
export function loadClients(
  path: string | undefined,
  env: Environment,
  problems: ConfigProblem[],
  taken: readonly string[] = [],
): ClientEntry[] {
  if (path === undefined) return []
  const report = (problem: string, setting = 'AUTH_CLIENTS_FILE') => void problems.push({ setting, problem, see: SEE })
  const parsed = clientsFile().safeParse(readClients(path, report))
  for (const issue of parsed.error?.issues ?? []) report(`${issue.path.join('.') || 'file'}: ${issue.message}`)
  const ids = parsed.data?.clients.map(({ client_id }) => client_id) ?? []
  for (const id of ids.filter((id, i) => ids.indexOf(id) !== i)) report(`two clients have the id ${id}`)
  for (const id of ids.filter(id => taken.includes(id))) {
    report(
      `a client has the id ${id}, under which the MCP server introspects: choose another (or set DEMO_RS_CLIENT_ID)`,
    )
  }

  return (parsed.data?.clients ?? []).map(({ grants, scopes, clientSecretEnv, public: isPublic, ...rest }) => {
    const found: ConfigProblem[] = []
    const secret = clientSecretEnv && readSecret(clientSecretEnv, env, found)
    problems.push(...found)
    if (clientSecretEnv && found.length === 0) {
      if (!secret)
        report(`is not set, nor is ${clientSecretEnv}_FILE: the secret of ${rest.client_id}`, clientSecretEnv)
      else if (secret.length < MIN_SECRET) report(`must have at least ${MIN_SECRET} characters`, clientSecretEnv)
    }
    return {
      ...rest,
      ...(secret && { client_secret: secret }),
      token_endpoint_auth_method: isPublic ? 'none' : clientSecretEnv ? 'client_secret_basic' : 'private_key_jwt',
      grant_types: grants.flatMap(grant => GRANT_TYPES[grant]),
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      response_types: grants.includes('sign_in') ? ['code'] : [],
    }
  })
}

const MIN_SECRET = 16

function readClients(path: string, report: (problem: string) => void): unknown {
  const file = readJsonFile(path)
  if ('value' in file) return file.value
  report(`names a file that ${file.problem}`)
  return { clients: [] }
}
