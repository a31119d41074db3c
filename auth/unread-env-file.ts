import { builtIn, readTextFile } from '../config/files.ts'

/** What chooses who signs people in. The demo needs no file to be chosen. */
const CHOICE = /^[ \t]*(?:export[ \t]+)?(AUTH_PROVIDER|AUTH_METADATA_URL|AUTH_CONFIG)[ \t]*=[ \t]*(?!["']?demo\b)\S/m

/**
 * A `.env` in the working directory that chooses a provider and that nobody has read. The library reads none: only the name of the
 * setting is looked for, and nothing is taken from the file.
 *
 * @returns What to do about it; `undefined` where there is no such file.
 */
export function unreadEnvFile(): string | undefined {
  try {
    const path = builtIn('path').resolve('.env')
    const setting = CHOICE.exec(readTextFile(path))?.[1]
    if (setting === undefined) return undefined
    return `${setting} stands in ${path}, which nobody has read, so the demo signs people in. Read the file before createAuth: node --env-file=.env`
  } catch {
    return undefined
  }
}
