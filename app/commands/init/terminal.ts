import { cancel, confirm, isCancel, password, select, text } from '@clack/prompts'
import { providerNamed } from 'idplug/adapters'
import { wrap } from '../../terminal-text.ts'
import type { Questions } from './init.ts'

/** The person wants no more questions. */
export class CancelledError extends Error {}

const WIDTH = 76

/** Asks at the terminal. Ctrl+C ends it with a {@link CancelledError}. */
export function terminalQuestions(): Questions {
  const explain = (name: string, why: string) => {
    // What is wrong with an answer is the end of a sentence about the setting.
    const text = /^(is|must|names|has) /.test(why) ? `${name} ${why}` : `${name}: ${why}`
    return wrap(text, WIDTH).join('\n')
  }
  const validate = (value: string | undefined) => (value?.trim() ? undefined : 'It is needed.')
  return {
    provider: async names =>
      answered(
        await select({
          message: 'Which provider signs your users in?',
          options: names.map(value => ({ value, label: OTHERS[value] ?? providerNamed(value)?.title ?? value })),
        }),
      ),
    setting: async (name, why) => answered(await text({ message: explain(name, why), validate })).trim(),
    secret: async (name, why) => answered(await password({ message: explain(name, why), validate })).trim(),
    publicUrl: async () =>
      answered(
        await text({
          message: wrap(PUBLIC_URL, WIDTH).join('\n'),
          placeholder: 'https://mcp.example.com',
          validate: value =>
            !value?.trim() || /^https?:\/\/[^/?#]+\/?$/.test(value.trim())
              ? undefined
              : 'Only the origin, such as https://mcp.example.com.',
        }),
      )?.trim() ?? '',
    confirm: async message => answered(await confirm({ message, initialValue: false })),
  }
}

/** Titles stand in sentences; in a list of products, these say what they are. */
const OTHERS: Readonly<Record<string, string>> = {
  oidc: 'Another OpenID Connect provider',
  introspection: 'A server with token introspection (RFC 7662)',
  userinfo: 'An OpenID Connect provider with opaque tokens (UserInfo)',
  demo: 'Nobody yet: the demo sign-in, on this machine',
}

const PUBLIC_URL =
  'PUBLIC_URL: the origin at which MCP clients will reach your server, which providers know it by. Empty: only on this machine, for now.'

function answered<T>(answer: T): Exclude<T, symbol> {
  if (!isCancel(answer)) return answer as Exclude<T, symbol>
  cancel('Nothing was written.')
  throw new CancelledError()
}
