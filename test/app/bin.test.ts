import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../support/temporary-files.ts'

/** The program of the package `idplug` where `@idplug/server` is missing, on a system that says it is Windows. */
function runOnWindows(args: readonly string[], files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder()
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const program = join(folder, 'idplug/bin/idplug.cjs')
  const node = join(folder, 'nodejs/node')
  write('idplug/package.json', '{ "version": "1.2.3" }')
  mkdirSync(dirname(program))
  copyFileSync(new URL('../../app/bin/idplug.cjs', import.meta.url), program)
  mkdirSync(dirname(node))
  symlinkSync(process.execPath, node)
  const system = { platform: 'win32', execPath: node }
  write(
    'windows.cjs',
    `for (const [name, value] of Object.entries(${JSON.stringify(system)})) Object.defineProperty(process, name, { value })`,
  )
  for (const [name, text] of Object.entries(files)) write(name, text)
  const env = { PATH: process.env.PATH, npm_command: 'exec' }
  return execFileSync(process.execPath, ['--require', join(folder, 'windows.cjs'), program, ...args], {
    env,
  }).toString()
}

it('fetches the commands on Windows without a shell, which would read the arguments anew', () => {
  const npm = { 'nodejs/node_modules/npm/bin/npm-cli.js': 'console.log(JSON.stringify(process.argv.slice(2)))' }
  const args = ['login', 'https://mcp.example.com/mcp?a=b&calc.exe', '--scope', 'a "b" %PATH%']
  expect(JSON.parse(runOnWindows(args, npm))).toEqual([
    'exec',
    '--yes',
    '--package=idplug@1.2.3',
    '--package=@idplug/server@1.2.3',
    '--',
    'idplug',
    ...args,
  ])
})

it('says how to get the commands where there is no npm beside Node', () => {
  expect(() => runOnWindows(['login'], {})).toThrow('npm install @idplug/server@1.2.3')
})
