import { fileURLToPath } from 'node:url'
import { Miniflare } from 'miniflare'
import { rolldown } from 'rolldown'
import { port, resource } from './setting.ts'

// Runs its Worker in workerd, with a KV namespace that miniflare keeps in memory.

const build = await rolldown({
  input: fileURLToPath(new URL('./workers-oauth-provider.worker.ts', import.meta.url)),
  platform: 'neutral',
  resolve: { conditionNames: ['workerd', 'import', 'default'], mainFields: ['module', 'main'] },
  external: [/^cloudflare:/, /^node:/],
})
const { output } = await build.generate({ format: 'esm', codeSplitting: false })
await build.close()
const worker = new Miniflare({
  modules: [{ type: 'ESModule', path: 'worker.js', contents: output[0].code }],
  compatibilityDate: '2026-07-29',
  compatibilityFlags: ['nodejs_compat', 'global_fetch_strictly_public'],
  kvNamespaces: ['OAUTH_KV'],
  bindings: { ORIGIN: resource.origin },
  host: '127.0.0.1',
  port,
})
await worker.ready
