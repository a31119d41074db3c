import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const frameworks = join(root, 'test/frameworks')

export interface Project {
  readonly origin: string
  readonly tokens: Readonly<Record<'good' | 'expired' | 'weak' | 'unknown', string>>
  close(): Promise<void>
}

/**
 * Starts `server.ts` in a project of its own, which holds the library and one version of the SDK: whose errors are thrown depends on
 * where the library finds it.
 *
 * @param sdk - Name under which `test/frameworks` has installed it.
 */
export async function startProject(sdk: string): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), 'idplug-sdk-'))
  const modules = join(folder, 'node_modules')
  const link = (target: string, name: string) => {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(target, join(modules, name))
  }
  for (const part of ['index.ts', 'package.json', 'src', 'auth', 'config', 'adapters']) {
    cpSync(join(root, part), join(folder, part), { recursive: true })
  }
  cpSync(join(frameworks, 'sdk/server.ts'), join(folder, 'sdk/server.ts'))
  cpSync(join(root, 'test/frameworks/files.ts'), join(folder, 'files.ts'))
  const isOurs = (name: string) =>
    name.startsWith('.') || name.startsWith('@modelcontextprotocol') || name === 'express'
  for (const name of readdirSync(join(root, 'node_modules')))
    if (!isOurs(name)) link(join(root, 'node_modules', name), name)
  link(join(frameworks, 'node_modules/express'), 'express')
  link(join(frameworks, 'node_modules', sdk), '@modelcontextprotocol/sdk')

  const child = spawn(process.execPath, ['sdk/server.ts'], { cwd: folder, env: {} as NodeJS.ProcessEnv, stdio: 'pipe' })
  let said = ''
  child.stderr.on('data', chunk => {
    said += chunk
  })
  const ended = once(child, 'close')
  const close = async () => {
    child.kill()
    await ended
    rmSync(folder, { recursive: true })
  }
  const started = once(createInterface(child.stdout), 'line') as Promise<[string]>
  const first = await Promise.race([started, ended.then(() => undefined)])
  if (!first) {
    await close()
    throw new Error(`the server of ${sdk} did not start: ${said}`)
  }
  const { port, tokens } = JSON.parse(first[0]) as { port: number; tokens: Project['tokens'] }
  return { origin: `http://127.0.0.1:${port}`, tokens, close }
}
