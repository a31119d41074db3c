import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { removeTemporaryFolders, root, temporaryFolder } from './built.ts'
import { run } from './npm.ts'

let clone: string
/** The files that a clone has, and its packages as `npm ci` leaves them, without their copies. */
beforeAll(() => {
  clone = temporaryFolder('clone')
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' })
  for (const file of listed.split('\0')) {
    if (!file || !existsSync(join(root, file))) continue
    mkdirSync(dirname(join(clone, file)), { recursive: true })
    copyFileSync(join(root, file), join(clone, file))
  }
  const modules = join(clone, 'node_modules')
  mkdirSync(modules)
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.') && name !== 'idplug-bin')
      symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  // These two lead into the repository itself.
  symlinkSync('../app/bin', join(modules, 'idplug-bin'))
  cpSync(join(root, 'node_modules/.bin'), join(modules, '.bin'), { verbatimSymlinks: true, recursive: true })
})
afterAll(removeTemporaryFolders)

const own = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|AUTH_|VITEST)/i.test(name))
const env = { ...Object.fromEntries(own), npm_config_offline: 'true', npm_config_update_notifier: 'false' }

describe('a fresh clone', () => {
  it.each([
    ['npx', ['idplug']],
    ['npm', ['start', '--silent', '--']],
  ])('runs commands by %s %s', async (program, args) => {
    expect(await run(program, [...args, '--version'], clone, env)).toMatchObject({ code: 0, stdout: manifest.version })
    expect((await run(program, [...args, 'doctor', '--help'], clone, env)).stdout).toContain('Usage: idplug doctor')
  })
})
