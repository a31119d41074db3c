import { InvalidArgumentError } from 'commander'
import { urlProblem } from 'idplug/internal'

/** Reads a URL that was given on the command line. */
export function endpointUrl(value: string): string {
  const problem = urlProblem(value)
  if (problem) throw new InvalidArgumentError(`It ${problem}. Use https:// (http:// is allowed for localhost).`)
  return new URL(value).href
}
