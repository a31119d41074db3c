import type { Auth } from '../auth.ts'
import { InvalidTokenError } from '../errors.ts'
import type { ValidatedToken } from '../token-validator.ts'
import { protect as fetchProtect, authRoutes as fetchRoutes, type ProtectedHandler } from './fetch.ts'

export type { ProtectedContext, ProtectedHandler } from './fetch.ts'

/**
 * Makes the sign-in of the settings of a Worker, which knows them from its first request on: `env => createAuth(files, { env })`.
 * Called once for each `env`.
 *
 * @param env - Variables and secrets of the Worker. Bindings that are not text, such as a KV namespace, are left out.
 */
export type AuthOfEnv = (env: Readonly<Record<string, string>>) => Auth

/**
 * The `fetch` of a Worker: serves what {@link authRoutes} serves, and hands every other request that is good enough to `handler`, its
 * body unread.
 *
 * Answers on its own with 400, 401, 403, 413, 415, 500 or 503, and CORS preflights with 204. What the handler throws passes
 * through, and so does what `authOf` throws: a `ConfigError` where settings are wrong.
 */
export function protect<Env extends object, Context = unknown>(
  authOf: AuthOfEnv,
  handler: ProtectedHandler<[env: Env, context: Context]>,
): (request: Request, env: Env, context: Context) => Promise<Response> {
  const fetchOf = onceForEach((auth: Auth) => fetchProtect(auth, handler))
  return async (request, env, context) => fetchOf(madeBy(authOf, env))(request, env, context)
}

/**
 * Serves the metadata of the resources.
 *
 * @returns `undefined` where the path is none of theirs.
 */
export function authRoutes<Env extends object>(
  ...authsOf: readonly AuthOfEnv[]
): (request: Request, env: Env) => Promise<Response | undefined> {
  return async (request, env) => fetchRoutes(...authsOf.map(authOf => madeBy(authOf, env)))(request)
}

/** What `OAuthResourceServer` of `@cloudflare/workers-oauth-provider` wants to know of a token. */
export interface TokenValidation {
  /** For the handler, as `ctx.props`. */
  readonly props: { readonly token: ValidatedToken }
  readonly audience: string
  /** Seconds since the Unix epoch. */
  readonly expiresAt: number
  readonly scope: string[]
  readonly userId: string
  readonly clientId: string
}

/**
 * For `new OAuthResourceServer({ validateToken: validateToken(authOf), … })` of `@cloudflare/workers-oauth-provider`, with the same
 * `resource` as the declaration. That package answers 401 for a token that is not good, and 503 while the provider is away or refuses
 * our settings; the scopes of an operation are for its handler to check.
 */
export function validateToken<Env extends object>(
  authOf: AuthOfEnv,
): (env: Env) => (resource: string, token: string) => Promise<TokenValidation | null> {
  return env => async (_resource, raw) => {
    const { resource, validator } = madeBy(authOf, env)
    try {
      const token = await validator.validate(raw)
      const { expiresAt, scopes, subject: userId, clientId } = token
      return { props: { token }, audience: resource, expiresAt, scope: [...scopes], userId, clientId }
    } catch (error) {
      if (error instanceof InvalidTokenError) return null
      throw error
    }
  }
}

const madeAuths = new WeakMap<AuthOfEnv, (env: object) => Auth>()

/** The settings of a Worker stay the same while it runs, and what was learnt about its provider is worth keeping. */
function madeBy(authOf: AuthOfEnv, env: object): Auth {
  let ofEnv = madeAuths.get(authOf)
  if (!ofEnv) {
    ofEnv = onceForEach(env => authOf(textOf(env)))
    madeAuths.set(authOf, ofEnv)
  }
  return ofEnv(env)
}

function textOf(env: object): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => typeof value === 'string'))
}

function onceForEach<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const made = new WeakMap<K, V>()
  return key => {
    const known = made.get(key) ?? make(key)
    made.set(key, known)
    return known
  }
}
