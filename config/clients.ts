import { z } from 'zod'
import { httpsUrl, strictObject } from '../src/adapter-options.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import { type Environment, readSecret } from './environment.ts'
import { readJsonFile } from './files.ts'

/** A client that the operator set up, in RFC 7591 members; secrets filled in. */
export type ClientEntry = {
  readonly client_id: string
  readonly client_name?: string
  readonly client_secret?: string
  readonly jwks?: { readonly keys: readonly object[] }
  readonly jwks_uri?: string
  readonly token_endpoint_auth_method: 'client_secret_basic' | 'private_key_jwt'
  readonly grant_types: readonly string[]
  readonly scope?: string
  readonly response_types: readonly []
  readonly redirect_uris: readonly []
}

const GRANT_TYPES = {
  client_credentials: 'client_credentials',
  identity_assertion: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
} as const

const client = strictObject({
  client_id: z.string().regex(/^[\x21-\x7e]{1,200}$/, 'must be 1 to 200 visible ASCII characters'),
  client_name: z.string().min(1).max(200).optional(),
  grants: z.array(z.enum(['client_credentials', 'identity_assertion'])).min(1),
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope (RFC 6749 §3.3)')).default([]),
  clientSecretEnv: z.string().min(1).optional(),
  jwks: strictObject({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) }).optional(),
  jwks_uri: httpsUrl.optional(),
})
  .refine(entry => [entry.clientSecretEnv, entry.jwks, entry.jwks_uri].filter(Boolean).length === 1, {
    error: 'needs exactly one of clientSecretEnv, jwks and jwks_uri',
  })
  .refine(({ jwks }) => !jwks?.keys.some(key => 'd' in key || 'k' in key), {
    error: 'holds a private key: put in the public one only',
  })
  .refine(({ grants, scopes }) => !grants.includes('client_credentials') || scopes.length > 0, {
    error: 'needs scopes: what the client may have in its own name',
  })

const clientsFile = strictObject({ $schema: z.string().optional(), clients: z.array(client).max(1000) })

const SEE = 'docs/clients.md'

/**
 * Clients that the operator set up in the file that `AUTH_CLIENTS_FILE` names: machines that have tokens in their own name
 * (client_credentials), and agents that bring identity assertions.
 *
 * @param problems - Every problem is added to it; none shows a secret.
 */
export function loadClients(path: string | undefined, env: Environment, problems: ConfigProblem[]): ClientEntry[] {
  if (path === undefined) return []
  const report = (problem: string, setting = 'AUTH_CLIENTS_FILE') => void problems.push({ setting, problem, see: SEE })
  const parsed = clientsFile.safeParse(readClients(path, report))
  for (const issue of parsed.error?.issues ?? []) report(`${issue.path.join('.') || 'file'}: ${issue.message}`)
  const ids = parsed.data?.clients.map(({ client_id }) => client_id) ?? []
  for (const id of ids.filter((id, i) => ids.indexOf(id) !== i)) report(`two clients have the id ${id}`)

  return (parsed.data?.clients ?? []).map(({ grants, scopes, clientSecretEnv, ...rest }) => {
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
      token_endpoint_auth_method: clientSecretEnv ? 'client_secret_basic' : 'private_key_jwt',
      grant_types: grants.map(grant => GRANT_TYPES[grant]),
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      response_types: [],
      redirect_uris: [],
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
