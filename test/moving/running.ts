import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startProgram, untilServing } from '../support/program.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const packages = join(root, 'test/moving/packages/node_modules')

/** A folder with these files, in which what people come from is installed, and this source as `idplug`. */
export function folderWith(files: ReadonlyMap<string, string>): string {
  const folder = temporaryFolder()
  link(packages, join(folder, 'node_modules'))
  link(join(root, 'node_modules'), join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/idplug'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const [name, text] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

/** Links each package that is not there yet. */
function link(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  const present = new Set(readdirSync(to))
  for (const name of readdirSync(from)) {
    if (name.startsWith('@')) link(join(from, name), join(to, name))
    else if (!name.startsWith('.') && !present.has(name)) symlinkSync(join(from, name), join(to, name))
  }
}

/** A server under way; `stop` ends it. Ended when the test ends, too. */
export async function run(folder: string, file: string, origin: string, env: Readonly<Record<string, string>>) {
  const { port } = new URL(origin)
  const program = startProgram([], {
    script: file,
    cwd: folder,
    env: { HOME: folder, PORT: port, PUBLIC_URL: origin, ...env },
  })
  // With idplug, 503 until the provider is known.
  const isReady = ({ status }: Response) => status < 500
  await untilServing(program, `${origin}/mcp`, { method: 'POST', isReady })
  const stop = async () => {
    program.child.kill()
    await program.ended
  }
  return { stop, log: program.output }
}
