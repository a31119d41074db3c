import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { plantedFaults } from './faults.ts'

// Run in a process of its own: `node worker.ts NAME FILE RUNS SEED`. Plants one fault, checks one provider, and says what was found.
const [index, runs, seed] = process.argv.slice(2).map(Number)
const fault = plantedFaults[index ?? -1]
if (!fault || runs === undefined || seed === undefined) throw new Error('usage: worker.ts INDEX RUNS SEED')

const target = new URL(`../../../${fault.file}`, import.meta.url)
const source = readFileSync(target, 'utf8')
if (source.split(fault.search).length !== 2) throw new Error(`${fault.file} does not hold once: ${fault.search}`)

let isPlanted = false
registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (url !== target.href) return loaded
    isPlanted = true
    return { ...loaded, source: source.replace(fault.search, () => fault.replace) }
  },
})

const [{ subjects }, { check }] = await Promise.all([import('../subjects.ts'), import('../run.ts')])
const subject = subjects.find(({ name }) => name === fault.subject)
if (!subject) throw new Error(`no subject ${fault.subject}`)
const found = await check(subject, { runs, seed }).then(
  () => undefined,
  (error: unknown) => error as Error,
)
if (!isPlanted) throw new Error(`${fault.file} was not loaded`)
process.stdout.write(JSON.stringify({ found: found && describe(found) }))

/** The case that shows the fault, and how. */
function describe({ message, cause }: Error): string {
  const example = /Counterexample: (.*)/.exec(message)?.[1] ?? message
  return `${example}: ${cause instanceof Error ? cause.message : ''}`.slice(0, 300)
}
