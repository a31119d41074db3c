/** One thing wrong with the configuration. */
export interface ConfigProblem {
  /** Setting as the user wrote it: an environment variable, or a path in the configuration file. */
  setting: string
  /** What is wrong and what to do, in one sentence. Never the value of a secret. */
  problem: string
  /** Page that explains the setting, relative to the repository. */
  see?: string
}

/** The configuration cannot work. Stops the start; lists every problem at once. */
export class ConfigError extends Error {
  /** Not enumerable: the message has all of them, and Node.js prints what is enumerable below it. */
  declare readonly problems: readonly ConfigProblem[]

  /** What stops nobody, and may be the reason of a problem: a setting under another name. Not enumerable. */
  declare readonly hints: readonly ConfigProblem[]

  /** @param hints - Default: none. */
  constructor(problems: readonly ConfigProblem[], hints: readonly ConfigProblem[] = []) {
    const title = problems.length === 1 ? 'One setting is wrong:' : `${problems.length} settings are wrong:`
    const further = hints.length > 0 ? ['Perhaps because of this:', ...hints.map(lineOf)] : []
    super([title, ...problems.map(lineOf), ...further].join('\n'))
    this.name = 'ConfigError'
    Object.defineProperties(this, { problems: { value: problems }, hints: { value: hints } })
  }
}

const lineOf = ({ setting, problem, see }: ConfigProblem) => `  ${setting}: ${problem}${see ? ` (${see})` : ''}`
