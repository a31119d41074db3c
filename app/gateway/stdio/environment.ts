import { DEFAULT_INHERITED_ENV_VARS } from '@modelcontextprotocol/client/stdio'

// Windows programs do not start without more than these.
const ALWAYS = process.platform === 'win32' ? DEFAULT_INHERITED_ENV_VARS : ['PATH', 'HOME']

/**
 * The environment of a command: `PATH`, `HOME` and what is named, never the whole of our own, which holds secrets.
 *
 * @param ours - Environment that values are taken from.
 * @param names - Variables to pass on besides. One that is not set is left out.
 * @throws {TypeError} `names` has a setting of idplug's own sign-in (`AUTH_…`): the command has no use for it, and it may be a secret.
 */
export function commandEnvironment(ours: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  const own = names.filter(name => /^AUTH_/i.test(name))
  if (own.length) {
    throw new TypeError(`${own.join(', ')} configures the sign-in of the gateway and cannot be passed to the command.`)
  }
  const entries = [...ALWAYS, ...names].flatMap(name => {
    const value = ours[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return Object.fromEntries(entries)
}
