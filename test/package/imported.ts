import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { library } from '../../build/packages.ts'
import { builtPackages } from './built.ts'

const run = promisify(execFile)

export interface Imported {
  readonly milliseconds: number
  /** URLs, without those of Node itself. Empty when the time is measured, because counting takes some. */
  readonly modules: readonly string[]
}

const COUNT = `const { registerHooks } = await import('node:module')
registerHooks({ load(url, context, next) { if (!url.startsWith('node:')) modules.push(url); return next(url, context) } })`

/**
 * Runs code in a fresh process, in which `idplug` is the package as it would be published.
 *
 * @param code - Statements of a module, with dynamic imports.
 */
export async function importIn(code: string, what: 'time' | 'modules'): Promise<Imported> {
  const program = `const modules = []
${what === 'modules' ? COUNT : ''}
const start = performance.now()
${code}
console.log(JSON.stringify({ milliseconds: performance.now() - start, modules }))`
  const cwd = join(builtPackages(), library.folder)
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}

/** Names of the packages that modules belong to. */
export function packagesOf(modules: readonly string[]): string[] {
  const names = modules.flatMap(url => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])
  return [...new Set(names)].filter(name => name !== '.cache').sort()
}
