import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { builtPackages } from '../../package/built.ts'
import { run } from '../../package/npm.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Shows that the compiler runs. */
const WRONG = 'export const text: string = 1'

// The newest one checks them elsewhere. This is the oldest that the frameworks and Node's own declarations are fit for.
it('the declarations of all entries are understood by TypeScript 5.4', async () => {
  // Here, so that the frameworks are found. No symbolic link: what it points to would find others.
  const folder = mkdtempSync(at('../node_modules/.declarations-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const library = join(folder, 'node_modules/idplug')
  cpSync(join(builtPackages(), 'idplug'), library, { recursive: true })
  const { exports } = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { readonly types: string }>
  }
  const entries = Object.keys(exports).filter(entry => typeof exports[entry] === 'object')
  expect(entries.length).toBeGreaterThan(10)
  const lines = entries.map((entry, index) => `export * as entry${index} from '${join('idplug', entry)}'`)
  const compilerOptions = { strict: true, module: 'nodenext', target: 'es2022', noEmit: true, types: ['node'] }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'use.ts'), [WRONG, ...lines].join('\n'))
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }))
  const compiler = at('../node_modules/typescript-5.4/lib/tsc.js')
  const { stdout } = await run(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], folder, process.env)
  // Some frameworks are not that careful with theirs.
  const errors = stdout.split('\n').filter(line => /node_modules.idplug|^use\.ts/.test(line))
  expect(errors).toEqual([expect.stringMatching(/^use\.ts\(1,/)])
})
