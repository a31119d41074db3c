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

  constructor(problems: readonly ConfigProblem[]) {
    super(
      `${problems.length === 1 ? 'One setting is' : `${problems.length} settings are`} wrong:\n${problems
        .map(({ setting, problem, see }) => `  ${setting}: ${problem}${see ? ` (${see})` : ''}`)
        .join('\n')}`,
    )
    this.name = 'ConfigError'
    Object.defineProperty(this, 'problems', { value: problems })
  }
}
