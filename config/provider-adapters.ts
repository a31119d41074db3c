import { adapterNamed, adapters } from '../adapters/index.ts'
import type { Adapter } from '../src/adapter.ts'
import { didYouMean } from '../src/closest.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import { loadModule } from './files.ts'
import type { Source } from './provider-sources.ts'

const SEE_ADAPTERS = 'docs/adapters.md'

/** One of ours by its name, or one of the user's own: by the path of its module, relative to the file, or by its package. */
export function adapterOf(name: unknown, { label, content }: Source, problems: ConfigProblem[]): Adapter | undefined {
  const own = typeof name === 'string' ? adapterNamed(name) : undefined
  if (own) return own
  const setting = `${label}: adapter`
  const isPath = typeof name === 'string' && /^\.{0,2}\//.test(name)
  const loaded = typeof name === 'string' && !content ? loadModule(name, label) : { problem: 'does not exist' }
  if ('module' in loaded) {
    const { adapter } = loaded.module
    if (isAdapter(adapter)) return adapter
    problems.push({ setting, problem: `${name} must export an adapter under the name "adapter"`, see: SEE_ADAPTERS })
    return undefined
  }
  if (isPath || loaded.problem !== 'does not exist') {
    problems.push({ setting, problem: `${name} ${loaded.problem}`, see: SEE_ADAPTERS })
    return undefined
  }
  const known = adapters.map(adapter => adapter.name)
  const hint = didYouMean(String(name), known)
  problems.push({
    setting,
    problem: `must be one of ${known.join(', ')}, the path of a module that begins with ./, or an installed package${hint}`,
  })
  return undefined
}

/** Modules are checked as far as we call them; their zod may be another copy than ours. */
function isAdapter(value: unknown): value is Adapter {
  if (typeof value !== 'object' || value === null) return false
  const { name, title, options, create } = value as Partial<Adapter>
  return (
    typeof name === 'string' &&
    typeof title === 'string' &&
    typeof options?.safeParse === 'function' &&
    typeof options.shape === 'object' &&
    typeof create === 'function'
  )
}
