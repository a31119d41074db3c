import { z } from 'zod'

/** What the bridge itself puts into the request, and who to tell otherwise. */
const OWN: Readonly<Record<string, string>> = {
  scope: 'use BRIDGE_SCOPES (scopes in the file of BRIDGE_CONFIG)',
  client_id: 'use BRIDGE_CLIENT_ID',
  client_secret: 'use BRIDGE_CLIENT_SECRET, which is never part of a URL',
  client_assertion: 'use BRIDGE_CLIENT_KEY_FILE or BRIDGE_CLIENT_ASSERTION_FILE',
  client_assertion_type: 'use BRIDGE_CLIENT_KEY_FILE or BRIDGE_CLIENT_ASSERTION_FILE',
  ...Object.fromEntries(
    [
      'response_type',
      'response_mode',
      'redirect_uri',
      'state',
      'nonce',
      'code_challenge',
      'code_challenge_method',
      'request',
      'request_uri',
      'dpop_jkt',
    ].map(name => [name, 'remove it']),
  ),
}

/** Further parameters of the authorization request at the provider, by name: `prompt`, `login_hint`, `domain_hint`, `organization`. */
export const authorizationParameters = z
  .record(
    z.string().regex(/^[A-Za-z][\w.-]{0,99}$/, 'must be the name of a parameter'),
    z.string().min(1, 'must not be empty').max(500),
  )
  .superRefine((parameters, context) => {
    for (const [name, value] of Object.entries(parameters)) {
      const own = OWN[name]
      const isNone = name === 'prompt' && value.split(' ').includes('none')
      if (own !== undefined)
        context.addIssue({ code: 'custom', message: `names ${name}, which the bridge sets: ${own}` })
      if (name === 'max_age' && !/^\d{1,9}$/.test(value)) {
        context.addIssue({ code: 'custom', message: 'has max_age, which must be a number of seconds' })
      }
      if (isNone) {
        context.addIssue({
          code: 'custom',
          message: 'has prompt=none, with which nobody could ever sign in: remove it',
        })
      }
    }
  })

/** The same as text: `prompt=login,domain_hint=example.com`. */
export const parameterList = z
  .string()
  .transform((text, context) => {
    const pairs = text
      .split(',')
      .map(part => part.trim())
      .filter(Boolean)
      .map(part => /^([^=\s]+)\s*=\s*(.+)$/.exec(part)?.slice(1) as [string, string] | undefined)
    const names = pairs.map(pair => pair?.[0])
    if (pairs.some(pair => pair === undefined) || new Set(names).size < names.length) {
      const message =
        'must be name=value, each name once, separated by commas, such as prompt=login,domain_hint=example.com'
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    }
    return Object.fromEntries(pairs as [string, string][])
  })
  .pipe(authorizationParameters)
