import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Format, type Plugin } from 'esbuild'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { builtPackages } from '../../package/built.ts'
import { freePort } from '../../support/http.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const library = join(builtPackages(), 'idplug/lib')

/** As packages are installed: with one zod for the SDK, the server and idplug. */
const asInstalled: Plugin = {
  name: 'as installed',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^idplug(\/|$)/ }, ({ path }) => ({
      path: join(library, `${path === 'idplug' ? 'index' : path.slice('idplug/'.length)}.js`),
      sideEffects: false,
    }))
    onResolve({ filter: /^zod(\/|$)/ }, ({ path, importer, kind }) =>
      importer.startsWith(library) ? resolve(path, { resolveDir: at('.'), kind }) : undefined,
    )
  },
}

/** The server in one file, in a folder with nothing else. `require` is for packages that are CommonJS. */
async function bundled(format: Format): Promise<{ script: string; modules: readonly string[] }> {
  const script = join(mkdtempSync(join(tmpdir(), 'bundled-')), format === 'cjs' ? 'server.cjs' : 'server.mjs')
  const { metafile, warnings } = await build({
    entryPoints: [at('server.ts')],
    outfile: script,
    bundle: true,
    platform: 'node',
    format,
    metafile: true,
    plugins: [asInstalled],
    logLevel: 'silent',
    ...(format === 'esm' && {
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
    }),
  })
  // In CommonJS there is no import.meta, which is known.
  expect(warnings.filter(({ id }) => id !== 'empty-import-meta')).toEqual([])
  return { script, modules: Object.keys(metafile.inputs) }
}

/** Runs it until it listens or ends. */
async function start(script: string, settings: Readonly<Record<string, string>>) {
  const port = await freePort()
  const env = { ...process.env, PORT: String(port), ...settings }
  const child = spawn(process.execPath, [script], { cwd: dirname(script), env, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (output += text))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  const listens = vi.waitFor(() => expect(output).toContain('listening'), { timeout: 60_000 })
  await Promise.race([listens, ended])
  listens.catch(() => {})
  return { url: `http://localhost:${port}/mcp`, output: () => output, ended }
}

describe.each<Format>(['esm', 'cjs'])('a server in one file, %s', format => {
  const made = bundled(format)

  it('starts with a real provider, refuses as ever, and holds nothing of our authorization server', async () => {
    const { script, modules } = await made
    const { url, output } = await start(script, { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'tenant.auth0.com' })
    expect(output()).toBe('listening\n')
    const { status, headers } = await fetch(url, { method: 'POST' })
    expect([status, headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('scope="files:read"')])
    expect(modules.filter(name => /oidc-provider|demo-as|node_modules\/(pg|redis)\//.test(name))).toEqual([])
  })

  it('says which package is missing where settings ask for our authorization server', async () => {
    const { script } = await made
    const { output, ended } = await start(script, {})
    expect(await ended).toBe(1)
    expect(output()).toContain(
      'AUTH_PROVIDER: needs our authorization server, which is a separate package: npm install',
    )
  })
})
