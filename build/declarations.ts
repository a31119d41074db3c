// Declarations of the public entries: what the compiler makes of each file, as far as it can be reached from them.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Package } from './packages.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const RELATIVE = /((?:from|import|import\() ?['"])(\.[^'"]+)\.ts(['"])/g

/** @param out - Folder of the built packages. */
export function writeDeclarations(packages: readonly Package[], out: string): void {
  const emitted = mkdtempSync(join(tmpdir(), 'idplug-types-'))
  try {
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const options = ['-p', join(root, 'tsconfig.build.json'), '--outDir', emitted]
    execFileSync(process.execPath, [compiler, ...options], { stdio: ['ignore', 'inherit', 'inherit'] })
    for (const each of packages) copyReachable(each, emitted, join(out, each.folder, 'types'))
  } finally {
    rmSync(emitted, { recursive: true })
  }
}

function copyReachable({ entries, untyped }: Package, from: string, to: string): void {
  const open = Object.entries(entries).flatMap(([name, file]) => (untyped.includes(name) ? [] : [declarationOf(file)]))
  const seen = new Set(open)
  for (const file of open) {
    const text = readFileSync(join(from, file), 'utf8')
    for (const [, , path] of text.matchAll(RELATIVE)) {
      const imported = `${posix.join(posix.dirname(file), path as string)}.d.ts`
      if (!seen.has(imported)) open.push(imported)
      seen.add(imported)
    }
    mkdirSync(dirname(join(to, file)), { recursive: true })
    // The compiler leaves the names of sources in declarations.
    writeFileSync(join(to, file), text.replace(RELATIVE, '$1$2.js$3'))
  }
}

function declarationOf(file: string): string {
  return file.replace(/\.ts$/, '.d.ts')
}
