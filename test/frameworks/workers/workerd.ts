import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Miniflare, type Request as WorkerRequest, Response as WorkerResponse } from 'miniflare'
import { onTestFinished } from 'vitest'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** A Worker in one file, as `wrangler deploy` makes it. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [at(entry)],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    tsconfig: at('../tsconfig.json'),
    // It serves proxies of Node.
    external: ['node:*', 'cloudflare:*', 'undici'],
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

/**
 * Runs it in workerd.
 *
 * @param outside - Answers what the Worker asks over the network.
 * @returns Sends a request to it over HTTP.
 */
export async function startWorker(script: string, bindings: Record<string, string>, outside: typeof globalThis.fetch) {
  const worker = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.js', contents: script }],
    bindings,
    compatibilityDate: '2026-07-01',
    compatibilityFlags: ['nodejs_compat'],
    // What the Worker says before it is asked is for the test to see, not for the terminal.
    handleRuntimeStdio: () => {},
    async outboundService(request: WorkerRequest) {
      const { url, method, headers } = request
      try {
        const answer = await outside(url, {
          method,
          headers: [...headers],
          body: method === 'GET' ? null : await request.text(),
        })
        return new WorkerResponse(await answer.text(), { status: answer.status, headers: [...answer.headers] })
      } catch {
        return new WorkerResponse('The host is down.', { status: 502 })
      }
    },
  })
  onTestFinished(() => worker.dispose())
  const origin = await worker.ready
  return (path: string, init?: RequestInit) => fetch(new URL(path, origin), init)
}
