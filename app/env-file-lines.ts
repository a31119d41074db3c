import type { ConfigProblem } from 'idplug'
import { clip, closest } from 'idplug/internal'

const SEE = 'docs/settings.md'
const WRITE = 'Write each setting as NAME=value, in a line of its own'

/** What stands before a name in shells, lists and JSON. */
const BEFORE = /^[\s"'{,-]*(?:(?:export|setx?)\s+)?["']?/
const ASSIGNMENT = /^\s*(?:export\s+)?(?<name>[^=\s][^=]*?)\s*=[^\S\n]*(?<value>.*)$/
/** `NAME: value` and `"name": "value"`, whatever the value holds. */
const COLON = /^["']?\w+["']?\s*:(?!=)/
const QUOTES = ['"', "'", '`']
/** A folder or file whose name begins with n: `"C:\certs\new.pem"`. */
const WINDOWS_PATH = /^"(?:[A-Za-z]:|\\\\)[^"]*\\n/

/** A line, and the file that it is in. */
interface Place {
  readonly path: string
  readonly line: number
}

interface Assignment extends Place {
  readonly name: string
  /** As it is written. */
  readonly value: string
}

type Names = ReadonlySet<string>

/**
 * Lines of a `.env` file that do not say what somebody meant by them: parsers pass over such a line silently, or take a part of it, or
 * two for one.
 *
 * @param names - Of all settings. What is wrong with the variables of others is theirs.
 */
export function lineProblems(path: string, text: string, names: Names): ConfigProblem[] {
  if (/^\s*\{/.test(text)) {
    const line = text.slice(0, text.indexOf('{')).split('\n').length
    const problem = `holds JSON from line ${line} on, which sets nothing. ${WRITE}; a declaration belongs into a file that AUTH_RESOURCE names`
    return [said(path, problem)]
  }
  const { assignments, strays, problems } = readLines(path, text, names)
  const found = [...problems, ...repeated(assignments, names)]
  const [first] = strays
  const isSet = assignments.some(({ name }) => /^[\w.]+$/.test(name) || closest(name, names) !== undefined)
  const line = first ?? assignments[0]?.line
  if (found.length > 0 || isSet || line === undefined) return found
  return [said(path, `sets nothing: line ${line} is not NAME=value. ${WRITE}, or remove the file`)]
}

const said = (setting: string, problem: string): ConfigProblem => ({ setting, problem, see: SEE })

interface Lines {
  readonly assignments: readonly Assignment[]
  /** Numbers of the lines that are no assignment and no comment. */
  readonly strays: readonly number[]
  readonly problems: readonly ConfigProblem[]
}

function readLines(path: string, text: string, names: Names): Lines {
  const lines = text.split('\n')
  const assignments: Assignment[] = []
  const strays: number[] = []
  const problems: ConfigProblem[] = []
  for (let index = 0; index < lines.length; index++) {
    const written = lines[index] ?? ''
    if (/^\s*(#|$)/.test(written)) continue
    const place = { path, line: index + 1 }
    const { name = '', value = '' } = ASSIGNMENT.exec(written)?.groups ?? {}
    if (name === '' || COLON.test(name)) {
      strays.push(place.line)
      problems.push(...strayWord(place, written, names))
      continue
    }
    const assignment = { ...place, name: bare(name), value }
    assignments.push(assignment)
    const quote = QUOTES.find(mark => value.startsWith(mark))
    if (quote === undefined) {
      problems.push(...(misplaced(assignment, names) ?? several(assignment, names) ?? cut(assignment, names) ?? []))
    } else {
      const within = linesWithin(quote, value, lines.slice(index + 1))
      const behind = { ...assignment, value: within?.length === 0 ? value.slice(value.indexOf(quote, 1) + 1) : '' }
      const found = misplaced(assignment, names) ?? several(behind, names)
      problems.push(...(found ?? quoteProblem(assignment, quote, within, names)))
      index += within?.length ?? 0
    }
  }
  return { assignments, strays, problems }
}

const bare = (name: string) => name.replace(/^(\$env:|setx?\s+|export\s+)/i, '')

function strayWord(place: Place, written: string, names: Names): ConfigProblem[] {
  const word = /^[A-Za-z_]\w*/.exec(written.replace(BEFORE, ''))?.[0] ?? ''
  const meant = closest(word, names)
  return meant === undefined ? [] : [setsNothing(place, word, meant)]
}

function setsNothing({ path, line }: Place, word: string, meant: string): ConfigProblem {
  return said(
    clip(word),
    `is on line ${line} of ${path}, which sets nothing; write ${meant}=… there, or remove the line`,
  )
}

/** Behind words of a shell, a container file or a unit: `ENV AUTH_PROVIDER=auth0`, `Environment=AUTH_PROVIDER=auth0`. */
function misplaced({ name, value, ...place }: Assignment, names: Names): ConfigProblem[] | undefined {
  const [, last = ''] = /[^\w-]([A-Za-z_]\w*)$/.exec(name) ?? []
  const [, first = ''] = /^["']?([A-Za-z_]\w*)=/.exec(value) ?? []
  const word = [last, first].find(each => names.has(each))
  // A name that comes near to a setting as a whole is told where all names are.
  return word === undefined || closest(name, names) !== undefined ? undefined : [setsNothing(place, word, word)]
}

/** As in a command line: `AUTH_PROVIDER=auth0 AUTH0_DOMAIN=… npm start`, `$env:AUTH_PROVIDER=…; $env:PORT=…`. */
function several({ path, line, name, value }: Assignment, names: Names): ConfigProblem[] | undefined {
  const others = value.replace(/\s#.*$/, '').matchAll(/[\s;](?:\$env:)?([A-Za-z_]\w*)\s*=/gi)
  const other = [...others].map(([, word = '']) => word).find(word => names.has(word))
  if (other === undefined || !names.has(name)) return undefined
  const problem = `is on line ${line} of ${path} together with ${other}, which is read as a part of its value. ${WRITE}`
  return [said(name, problem)]
}

/** What comes after the sign is a comment, also in the middle of a word. */
function cut({ path, line, name, value }: Assignment, names: Names): ConfigProblem[] | undefined {
  if (!/^[^#]*[^#\s]#/.test(value) || !names.has(name)) return undefined
  const problem = `has a # on line ${line} of ${path}, and what follows it is a comment. Put the value into quotation marks if it is a part of it, or else a space before it`
  return [said(name, problem)]
}

/** The lines after the first over which a value in quotation marks goes on; `undefined` where nothing closes it. */
function linesWithin(quote: string, value: string, rest: readonly string[]): readonly string[] | undefined {
  if (value.indexOf(quote, 1) !== -1) return []
  const last = rest.findIndex(line => line.includes(quote))
  return last === -1 ? undefined : rest.slice(0, last + 1)
}

function quoteProblem(
  { path, line, name, value }: Assignment,
  quote: string,
  within: readonly string[] | undefined,
  names: Names,
): ConfigProblem[] {
  if (!names.has(name)) return []
  if (quote === '"' && WINDOWS_PATH.test(value)) {
    return [
      said(
        name,
        `has a \\n within double quotation marks on line ${line} of ${path}, which is a line break there. Use single ones`,
      ),
    ]
  }
  const begins = `begins with a quotation mark (${quote}) on line ${line} of ${path}`
  if (within === undefined) return [said(name, `${begins} that nothing closes. Close it, or leave it out`)]
  const swallowed = within.map(each => bare(ASSIGNMENT.exec(each)?.groups?.name ?? '')).find(each => names.has(each))
  if (swallowed === undefined) return []
  const problem = `${begins} that is closed on a later one only, so ${swallowed} is read as a part of its value. Close it on its line`
  return [said(name, problem)]
}

/** The last one counts, and nobody is told so. */
function repeated(assignments: readonly Assignment[], names: Names): ConfigProblem[] {
  const last = new Map<string, Assignment>()
  return assignments.flatMap(assignment => {
    const { path, line, name, value } = assignment
    const before = last.get(name)
    last.set(name, assignment)
    if (before === undefined || before.value.trim() === value.trim() || !names.has(name)) return []
    return [said(name, `is on lines ${before.line} and ${line} of ${path} with different values; remove one`)]
  })
}
