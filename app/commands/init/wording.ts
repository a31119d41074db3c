/**
 * What a setting is, in place of the error that it is missing: `… is not set. Auth0 needs it for metadataUrl: the domain` asks for
 * the domain. What is wrong with an answer stays as it is said.
 */
export function questionOf(problem: string): string {
  const [, description] = /^is not set\. .*? needs it for [^:]*: (.+)$/s.exec(problem) ?? []
  const [, rest] = /^is not set(?:, nor is \w+)?(?:\. .*? needs it)?: (.+)$/s.exec(problem) ?? []
  return description ?? rest ?? problem
}

/** People copy the address of their provider out of a browser, where a setting takes the host alone. */
export function answerFor(setting: string, answer: string): string {
  return setting.endsWith('_DOMAIN') && /^https?:\/\//i.test(answer) && URL.canParse(answer)
    ? new URL(answer).host
    : answer
}
