import { describe, expect, it, onTestFinished } from 'vitest'
import { notes } from '../../../app/notes/declaration.ts'
import { createLogger } from '../../../app/observe/log.ts'
import { startAuthorizationServer } from '../../../app/serve/authorization-server.ts'
import { start } from '../../../app/serve/start.ts'
import { loadConfiguration } from '../../../config/load.ts'
import { freePort } from '../../support/http.ts'

const TOKEN = 'a-token-for-prometheus'
const resources = { notes }

/** `npm start`, and what its ports answer to a request for the metrics. */
async function started(settings: Record<string, string>) {
  const [PORT, AUTH_SERVER_PORT, METRICS_PORT] = [await freePort(), await freePort(), await freePort()].map(String)
  const env = {
    PORT,
    AUTH_SERVER_PORT,
    ...settings,
    ...(settings.METRICS_PORT && { METRICS_PORT }),
  } as Record<string, string>
  const running = await start({
    configuration: loadConfiguration(env, { resources }),
    env,
    logger: createLogger('silent'),
  })
  onTestFinished(running.close)
  const get = async (port: string | undefined, headers: Record<string, string> = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers }).catch(() => undefined)
    return answer && { status: answer.status, text: await answer.text(), headers: answer.headers }
  }
  return {
    atServer: (headers?: Record<string, string>) => get(PORT, headers),
    atOwnPort: (headers?: Record<string, string>) => get(METRICS_PORT, headers),
  }
}

const OKTA = { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.example' }

describe('/metrics', () => {
  it('is on the port of a server that only this machine can reach', async () => {
    const { atServer } = await started({})
    expect(await atServer()).toMatchObject({ status: 200, text: expect.stringContaining('idplug_requests_total') })
  })

  it.each<Record<string, string>>([
    { PUBLIC_URL: 'https://mcp.example.com' },
    { PUBLIC_URL: 'http://localhost:3232,https://mcp.example.com' },
    { ALLOWED_HOSTS: 'mcp.example.com' },
    { HOST: '0.0.0.0' },
  ])('is not there where others can reach the server: %j', async settings => {
    const { atServer } = await started({ ...OKTA, ...settings })
    expect(await atServer()).toMatchObject({ status: 404 })
  })

  it('asks for METRICS_TOKEN, wherever the server can be reached', async () => {
    const { atServer } = await started({ ...OKTA, PUBLIC_URL: 'https://mcp.example.com', METRICS_TOKEN: TOKEN })
    const refused = await atServer()
    expect(refused).toMatchObject({ status: 401, text: '' })
    expect(refused?.headers.get('www-authenticate')).toBe('Bearer')
    for (const wrong of [`Bearer ${TOKEN}x`, `Basic ${TOKEN}`, TOKEN, 'Bearer ']) {
      expect(await atServer({ Authorization: wrong })).toMatchObject({ status: 401, text: '' })
    }
    expect(await atServer({ Authorization: `Bearer ${TOKEN}` })).toMatchObject({
      status: 200,
      text: expect.stringContaining('idplug_requests_total'),
    })
  })

  it('is on METRICS_PORT alone, which serves nothing else', async () => {
    const { atServer, atOwnPort } = await started({ METRICS_PORT: 'a free one' })
    expect(await atServer()).toMatchObject({ status: 404 })
    expect(await atOwnPort()).toMatchObject({ status: 200 })
  })

  it('asks for the token on METRICS_PORT, too, where both are set', async () => {
    const { atServer, atOwnPort } = await started({ METRICS_PORT: 'a free one', METRICS_TOKEN: TOKEN })
    expect(await atServer({ Authorization: `Bearer ${TOKEN}` })).toMatchObject({ status: 404 })
    expect(await atOwnPort()).toMatchObject({ status: 401 })
    expect(await atOwnPort({ Authorization: `Bearer ${TOKEN}` })).toMatchObject({ status: 200 })
  })

  it('of the authorization server alone is on its port, by the same rules', async () => {
    const port = String(await freePort())
    const env = { AUTH_SERVER_PORT: port, AUTH_MODE: 'separate', METRICS_TOKEN: TOKEN }
    const configuration = loadConfiguration(env, { isAuthorizationServer: true, resources })
    const running = await startAuthorizationServer({ configuration, env, logger: createLogger('silent') })
    onTestFinished(running.close)
    const url = `http://127.0.0.1:${port}/metrics`
    expect((await fetch(url)).status).toBe(401)
    const read = await fetch(url, { headers: { Authorization: `Bearer ${TOKEN}` } })
    expect(await read.text()).toContain('process_start_time_seconds')
  })

  it.each(['PORT', 'AUTH_SERVER_PORT'])('does not start on the port of %s', setting => {
    const env = { [setting]: '4000', METRICS_PORT: '4000' }
    expect(() => loadConfiguration(env)).toThrow(`METRICS_PORT: is the same as ${setting} (4000)`)
  })
})
