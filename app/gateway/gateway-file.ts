import { z } from 'zod'

/** Name of an environment variable. */
const variable = z.string().regex(/^[A-Za-z_]\w*$/, { error: 'must be the name of an environment variable' })

/** Of headers that a proxy sets or removes itself, and of those that frame a message. */
const NOT_FOR_CREDENTIALS =
  /^(connection|content-.*|cookie|host|keep-alive|mcp-.*|proxy-.*|te|trailer|transfer-encoding|upgrade|x-mcp-(assertion|client|issuer|scopes|user))$/i

/** Header of a fixed credential. */
export const credentialHeader = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]+$/, { error: 'must be the name of a header' })
  .refine(name => !NOT_FOR_CREDENTIALS.test(name), { error: 'must be a header for credentials, such as x-api-key' })

const targetUrl = z.string().superRefine((text, context) => {
  const report = (message: string) => context.addIssue({ code: 'custom', message })
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) return report('must be a URL like http://127.0.0.1:8000/mcp')
  if (url.username || url.password) report(`must not hold credentials: ${NAME_A_VARIABLE}`)
  if (url.hash) report('must not have a fragment')
  if ([...url.searchParams.keys()].some(name => /key|token|secret|password/i.test(name))) {
    report(`must not hold a secret in its query: ${NAME_A_VARIABLE}`)
  }
})

const NAME_A_VARIABLE = 'name an environment variable in identity.credentialEnv'

/** What a resource of the file has beside the members of its declaration. */
export const gatewayMembers = {
  to: targetUrl.optional().describe('URL of the MCP server behind the gateway.'),
  transport: z
    .enum(['http', 'sse'], { error: 'must be http or sse' })
    .optional()
    .describe('What the server at the URL speaks: http is Streamable HTTP (default), sse the HTTP+SSE of 2024-11-05.'),
  run: z
    .array(z.string().min(1), { error: 'must be a list: the command, then its arguments' })
    .min(1)
    .optional()
    .describe('Instead of to: the command of an MCP server that speaks stdio, and its arguments.'),
  pass: z
    .array(variable)
    .optional()
    .describe('Environment variables that the command of run gets. Default: none but PATH, HOME and their like.'),
  processPer: z
    .enum(['session', 'person'], { error: 'must be session or person' })
    .optional()
    .describe(
      'Whether each session of a client has a process of its own (default), or all those of a person share one.',
    ),
  identity: z
    .union(
      [
        z.enum(['assertion', 'headers', 'environment', 'none']),
        z.strictObject({
          credentialEnv: variable.describe('Environment variable with the value of the header, such as Bearer ….'),
          header: credentialHeader.optional().describe('Default: authorization.'),
        }),
      ],
      {
        error:
          'must be assertion, headers, environment, none, or {"credentialEnv": "NAME"} with the name of an environment variable that holds the secret',
      },
    )
    .optional()
    .describe(
      'How the target learns who is calling (docs/identity-to-target.md). Default: assertion for a URL, none for a command, which can have environment.',
    ),
  settings: z
    .record(z.string(), z.string({ error: 'must be a text' }))
    .optional()
    .describe(
      'Settings of another identity provider for this resource, such as AUTH_PROVIDER and OKTA_DOMAIN. Secrets stay in the environment.',
    ),
} as const

export const gatewayResource = z.strictObject(gatewayMembers)
export type GatewayMembers = z.output<typeof gatewayResource>

export const RESOURCES = 'The MCP servers behind the gateway, by names of your choice.'

/** Names of resources stand in paths and in the log. */
export const RESOURCE_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/
