import { InvalidArgumentError } from 'commander'
import { isLoopback, urlProblem } from 'idplug/internal'

/** Reads a URL that was given on the command line. */
export function endpointUrl(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It is empty. Is the variable set that stands there?')
  const whole = withScheme(value)
  if (whole) throw new InvalidArgumentError(`It has no scheme. Did you mean ${whole}?`)
  const problem = urlProblem(value)
  if (problem) throw new InvalidArgumentError(`It ${problem}. Use https:// (http:// is allowed for localhost).`)
  const { href, username, password } = new URL(value)
  if (username || password) {
    throw new InvalidArgumentError('It names a user, and no client sends that. Leave out what stands before the @.')
  }
  return href
}

/** What somebody meant who wrote `localhost:3232/mcp`, which is a URL with the scheme `localhost:`. */
function withScheme(value: string): string | undefined {
  if (value.includes('://') || !/^[\w.-]+(:\d+)?(\/|$)/.test(value) || !/[.:]|^localhost/.test(value)) return undefined
  const whole = `https://${value}`
  if (!URL.canParse(whole)) return undefined
  return isLoopback(new URL(whole).hostname) ? `http://${value}` : whole
}
