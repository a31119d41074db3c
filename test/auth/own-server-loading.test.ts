import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'

/**
 * Runs code in a process of its own.
 *
 * @returns What it prints, as JSON.
 */
function run(code: string): unknown {
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
    const isServer = () => loaded.some(url => /\\/demo-as\\/|oidc-provider|redis/.test(url))
    const { createAuth } = await import('idplug')
    const files = { resource: 'http://localhost:3000/mcp', name: 'Files', scopes: {} }
    ${code}`
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' })
  return JSON.parse(output)
}

it('the authorization server is loaded when it is first needed, and not before', () => {
  const found = run(`
    const seen = [isServer()]
    const auth = createAuth(files, { env: {}, observer: {} })
    seen.push(isServer())
    await auth.authenticate({ method: 'POST', url: '/mcp', header: name => name === 'host' ? ['localhost:3000'] : [] })
    seen.push(isServer())
    await auth.metadata()
    seen.push(isServer())
    await auth.close()
    console.log(JSON.stringify(seen))`)
  expect(found).toEqual([false, false, false, true])
})

it('the authorization server is never loaded where a real provider signs people in', () => {
  const found = run(`
    const env = { AUTH_PROVIDER: 'oidc', AUTH_METADATA_URL: 'https://id.example.com', OIDC_AUDIENCE: files.resource, REDIS_URL: 'redis://127.0.0.1:1' }
    const auth = createAuth(files, { env, observer: {}, fetch: async () => new Response('', { status: 503 }) })
    await auth.metadata()
    await auth.close()
    console.log(JSON.stringify(isServer()))`)
  expect(found).toBe(false)
})
