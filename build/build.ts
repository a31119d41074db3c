// Writes the published packages: node build/build.ts [folder], by default dist/.
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from './bundle.ts'
import { writeDeclarations } from './declarations.ts'
import { isToRead, manifestOf, type Package, packages } from './packages.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const out = resolve(process.argv[2] ?? join(root, 'dist'))

rmSync(out, { recursive: true, force: true })
for (const each of packages) {
  await bundle(each, out)
  copyFiles(each)
  writeFileSync(join(out, each.folder, 'package.json'), `${JSON.stringify(manifestOf(each), null, 2)}\n`)
}
writeDeclarations(packages, out)

function copyFiles({ files, folder, bin }: Package): void {
  for (const [place, source] of Object.entries(files)) {
    const target = join(out, folder, place)
    mkdirSync(dirname(target), { recursive: true })
    cpSync(join(root, source), target, { recursive: true, ...(source === 'docs' && { filter: isToRead }) })
  }
  for (const place of Object.values(bin ?? {})) chmodSync(join(out, folder, place), 0o755)
}
