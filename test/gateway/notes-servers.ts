import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { onTestFinished, vi } from 'vitest'
import { freePort } from '../support/http.ts'

export const programOf = (name: string) => fileURLToPath(new URL(`./packages/${name}.ts`, import.meta.url))

/**
 * Starts one of the servers in `packages` over HTTP, as a process of its own that ends with the test.
 *
 * @returns URL of its MCP endpoint.
 */
export async function startNotes(name: string): Promise<string> {
  const port = await freePort()
  const child = spawn(process.execPath, [programOf(name)], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, PORT: String(port), MCP_USE_ANONYMIZED_TELEMETRY: 'false' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', chunk => (log += chunk))
  const ended = once(child, 'close')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const url = `http://127.0.0.1:${port}/mcp`
  await vi.waitUntil(
    async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}: ${log}`)
      const response = await fetch(url, { method: 'DELETE' }).catch(() => undefined)
      await response?.body?.cancel()
      return response !== undefined
    },
    { timeout: 20_000, interval: 50 },
  )
  return url
}
