import { InvalidArgumentError } from 'commander'
import { urlProblem } from 'idplug/internal'

/** Reads a URL that was given on the command line. */
export function endpointUrl(value: string): string {
  const problem = urlProblem(value)
  if (problem) throw new InvalidArgumentError(`It ${problem}; needed is an https: URL (http: on this machine only).`)
  return new URL(value).href
}
