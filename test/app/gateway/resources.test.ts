import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, createAuths, type ResourceDeclaration } from 'idplug'
import { createTestIssuer } from 'idplug/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type ResourceGroup, readGatewayFile, watchGatewayFile } from '../../../app/gateway/configuration.ts'
import { createGateway } from '../../../app/gateway/gateway.ts'
import { createHttpTarget } from '../../../app/gateway/http-target.ts'
import { createCallerIdentity } from '../../../app/gateway/identity.ts'
import { createAssertionKeys } from '../../../app/gateway/identity-keys.ts'
import { createResources } from '../../../app/gateway/resources.ts'
import { startGateway } from '../../../app/gateway/start.ts'
import { createLogger } from '../../../app/observe/log.ts'
import { loadConfiguration } from '../../../config/load.ts'
import { freePort, listen } from '../../support/http.ts'
import { replaceFile } from '../../support/replace-file.ts'

const SETTINGS = { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' }
const silent = createLogger('silent')
const issuer = createTestIssuer()

/** A target that says its name, and keeps every stream open until it is told to end it. */
async function startTarget(name: string) {
  const streams: ServerResponse[] = []
  const listener: RequestListener = (request, response) => {
    request.resume()
    if (request.method === 'GET') {
      streams.push(response.writeHead(200, { 'content-type': 'text/event-stream' }))
      response.write(': open\n\n')
    } else
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { name } }))
  }
  const { origin, close } = await listen(listener)
  onTestFinished(close)
  return { url: `${origin}/mcp`, streams }
}

async function startResources(
  groups: (resource: string) => ResourceGroup[],
  createGroup = ({ declarations }: ResourceGroup) =>
    createAuths(declarations, { env: {}, providers: [issuer.provider] }),
) {
  const port = await freePort()
  const resource = `http://127.0.0.1:${port}/mcp`
  const opened: string[] = []
  const closed: string[] = []
  const initial = groups(resource)
  const auths = Object.assign(
    {},
    ...initial.map(group => createAuths(group.declarations, { env: {}, providers: [issuer.provider] })),
  )
  const keys = createAssertionKeys()
  const resources = createResources(initial, auths, {
    createGroup,
    onError: error => {
      throw error
    },
    openTarget({ target: { place, identity: choice } }) {
      const url = place.kind === 'url' ? place.url : ''
      opened.push(url)
      const identity = createCallerIdentity(choice, { issuer: resource, audience: url, keys })
      const target = createHttpTarget({ url: new URL(url), name: 'files', logger: silent, owns: identity.owns })
      const close = async () => {
        closed.push(url)
        await target.close()
      }
      return { identity, target: { ...target, answer: call => target.answer(call), close } }
    },
    createGateway: (name, auth, open) =>
      createGateway({
        auth,
        name,
        ...open,
        logger: silent,
        lastDecision: () => undefined,
        onError: error => {
          throw error
        },
      }),
  })
  const { close } = await listen((request, response) => resources.servers()[0].endpoint(request, response), port)
  onTestFinished(async () => {
    await Promise.all([resources.close(), close()])
  })
  const send = async (method: string, body?: object): Promise<IncomingMessage> => {
    const token = await issuer.token({ audience: resource, scopes: ['files:read'] })
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${token}`,
        accept: 'application/json, text/event-stream',
        ...(body && { 'content-type': 'application/json' }),
      }
      httpRequest(resource, { method, headers }, resolve)
        .on('error', reject)
        .end(body && JSON.stringify(body))
    })
  }
  const call = async (): Promise<string> => {
    const response = await send('POST', {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'look', arguments: {} },
    })
    const text = (await response.toArray()).join('')
    return response.statusCode === 200 ? JSON.parse(text).result.name : String(response.statusCode)
  }
  const openStream = async () => {
    const response = await send('GET')
    let text = ''
    response.on('data', chunk => {
      text += chunk
    })
    const ended = new Promise<void>(resolve => response.once('end', resolve))
    await vi.waitUntil(() => text.includes(': open'))
    return { text: () => text, ended }
  }
  return { resource, resources, opened, closed, call, openStream }
}

const groupOf = (
  resource: string,
  url: string,
  changes: Partial<ResourceDeclaration> = {},
  env: object = SETTINGS,
): ResourceGroup => {
  const declarations = {
    files: {
      name: 'Files',
      resource,
      scopes: { 'files:read': 'Read', 'files:write': 'Write' },
      initialScopes: ['files:read'],
      ...changes,
    },
  }
  const targets = { files: { place: { kind: 'url', url }, identity: { kind: 'none' } } } as const
  return {
    id: JSON.stringify(declarations),
    env: env as ResourceGroup['env'],
    declarations: declarations as never,
    targets,
  }
}

describe('a changed configuration', () => {
  test('sends new calls to the new target, while an open stream of the old one goes on', async () => {
    const [one, other] = [await startTarget('one'), await startTarget('other')]
    const { resource, resources, closed, call, openStream } = await startResources(url => [groupOf(url, one.url)])
    expect(await call()).toBe('one')
    const stream = await openStream()
    resources.change({ groups: [groupOf(resource, other.url)] })
    expect(await call()).toBe('other')
    one.streams[0]?.write('data: later\n\n')
    await vi.waitUntil(() => stream.text().includes('data: later'))
    expect(closed).toEqual([])
    one.streams[0]?.end()
    await stream.ended
    await vi.waitUntil(() => closed.length > 0)
    expect(closed).toEqual([one.url])
  })

  test('applies new rules, and keeps the target with its sessions and streams', async () => {
    const one = await startTarget('one')
    const { resource, resources, opened, closed, call, openStream } = await startResources(url => [
      groupOf(url, one.url),
    ])
    const stream = await openStream()
    expect(await call()).toBe('one')
    resources.change({ groups: [groupOf(resource, one.url, { access: { tools: { look: ['files:write'] } } })] })
    expect(await call()).toBe('403')
    one.streams[0]?.write('data: later\n\n')
    await vi.waitUntil(() => stream.text().includes('data: later'))
    one.streams[0]?.end()
    await stream.ended
    expect(opened).toEqual([one.url])
    expect(closed).toEqual([])
  })

  test('keeps everything that did not change', async () => {
    const one = await startTarget('one')
    const { resource, resources, opened } = await startResources(url => [groupOf(url, one.url)])
    const [before] = resources.servers()
    resources.change({ groups: [groupOf(resource, one.url)] })
    expect(resources.servers()[0].auth).toBe(before.auth)
    expect(resources.servers()[0].endpoint).toBe(before.endpoint)
    expect(opened).toEqual([one.url])
  })

  test('that cannot work changes nothing', async () => {
    const [one, other] = [await startTarget('one'), await startTarget('other')]
    const error = new ConfigError([{ setting: 'OKTA_DOMAIN', problem: 'is wrong' }])
    const { resource, resources, call } = await startResources(
      url => [groupOf(url, one.url)],
      () => {
        throw error
      },
    )
    expect(() => resources.change({ groups: [groupOf(resource, other.url, { name: 'Other' })] })).toThrow(error)
    expect(await call()).toBe('one')
  })

  test('of what our own authorization server knows needs a restart; its targets may change', async () => {
    const [one, other] = [await startTarget('one'), await startTarget('other')]
    const { resource, resources, call } = await startResources(url => [groupOf(url, one.url, {}, {})])
    expect(() => resources.change({ groups: [groupOf(resource, other.url, { name: 'Other' }, {})] })).toThrow(
      'restart the gateway',
    )
    expect(await call()).toBe('one')
    resources.change({ groups: [groupOf(resource, other.url, {}, {})] })
    expect(await call()).toBe('other')
  })
})

/** A gateway whose file a test changes. */
async function startWatching(resources: object, settings: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'idplug-gateway-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'gateway.json')
  const port = await freePort()
  const env = { ...SETTINGS, PORT: String(port), PUBLIC_URL: `http://localhost:${port}`, ...settings }
  const write = (changed: object) => replaceFile(path, JSON.stringify({ resources: changed }))
  write(resources)
  const { groups } = readGatewayFile(path, env)
  const lines: string[] = []
  const logger = createLogger('info', { write: line => void lines.push(line) })
  const running = await startGateway(
    { configuration: loadConfiguration(env, { resources: groups[0]?.declarations }), logger },
    groups,
    { watch: handlers => watchGatewayFile(path, env, handlers, 5) },
  )
  onTestFinished(running.close)
  const events = (event: string) => lines.map(line => JSON.parse(line)).filter(line => line.event === event)
  const metadataStatus = async (key: string) =>
    (await fetch(`http://127.0.0.1:${port}/.well-known/oauth-protected-resource/${key}/mcp`)).status
  return { write, events, metadataStatus }
}

const files = { to: 'http://127.0.0.1:1/mcp', name: 'Files', scopes: {} }
const mail = { to: 'http://127.0.0.1:2/mcp', name: 'Mail', scopes: {} }

test('the running gateway follows its file, and says what it did', async () => {
  const { write, events, metadataStatus } = await startWatching({ files })
  expect([await metadataStatus('files'), await metadataStatus('mail')]).toEqual([200, 404])
  write({ files, mail })
  await vi.waitUntil(() => events('gateway_file_read').length === 1)
  expect([await metadataStatus('files'), await metadataStatus('mail')]).toEqual([200, 200])
  // At the start, and what is new: nothing listens at either.
  const notReady = () => events('target_not_ready').map(({ target }) => target)
  await vi.waitUntil(() => notReady().length === 2)
  expect(notReady().toSorted()).toEqual(['files', 'mail'])
  write({ files: { ...files, to: 'no URL' } })
  await vi.waitUntil(() => events('gateway_file_not_read').length === 1)
  expect(events('gateway_file_not_read')[0].message).toContain('resources.files.to: must be a URL')
  expect([await metadataStatus('files'), await metadataStatus('mail')]).toEqual([200, 200])
})

test('a target that is to get assertions is not added while the file of their keys cannot be used', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'idplug-keys-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const keys = join(folder, 'assertion-keys.json')
  await writeFile(keys, 'half of i')
  const plain = { ...files, identity: 'none' }
  const { write, events, metadataStatus } = await startWatching({ files: plain }, { AUTH_DATA_DIR: folder })
  write({ files: plain, mail })
  await vi.waitUntil(() => events('gateway_file_not_read').length === 1)
  expect(events('gateway_file_not_read')[0].message).toMatch(
    /AUTH_DATA_DIR: .*assertion-keys\.json does not hold the keys of a gateway; move it away/,
  )
  expect([await metadataStatus('files'), await metadataStatus('mail')]).toEqual([200, 404])
  await rm(keys)
  write({ files: plain, mail: { ...mail, name: 'Letters' } })
  await vi.waitUntil(() => events('gateway_file_read').length === 1)
  expect([await metadataStatus('files'), await metadataStatus('mail')]).toEqual([200, 200])
})

test('servers with the same path on different hosts have each their own metadata and sign-in', async () => {
  const port = await freePort()
  const resources = { a: `http://a.localhost:${port}/mcp`, b: `http://b.localhost:${port}/mcp` }
  const declarations = Object.fromEntries(
    Object.entries(resources).map(([key, resource]) => [key, { name: key, resource, scopes: {} }]),
  )
  const target = { place: { kind: 'url', url: 'http://127.0.0.1:1/mcp' }, identity: { kind: 'none' } } as const
  const env = { ...SETTINGS, PORT: String(port) }
  const running = await startGateway(
    { configuration: loadConfiguration(env, { resources: declarations }), logger: silent },
    [{ id: '1', env, declarations, targets: { a: target, b: target } }],
  )
  onTestFinished(running.close)
  const ask = (key: string, path: string, method = 'GET') =>
    new Promise<{ status?: number; text: string; challenge?: string }>((resolve, reject) => {
      const headers = { host: `${key}.localhost:${port}` }
      httpRequest({ host: '127.0.0.1', port, path, method, headers }, async response => {
        const text = (await response.toArray()).join('')
        resolve({ status: response.statusCode, text, challenge: response.headers['www-authenticate'] })
      })
        .on('error', reject)
        .end()
    })
  for (const [key, resource] of Object.entries(resources)) {
    const { text } = await ask(key, '/.well-known/oauth-protected-resource/mcp')
    expect(JSON.parse(text).resource).toBe(resource)
    const { status, challenge } = await ask(key, '/mcp', 'POST')
    expect([status, challenge]).toEqual([401, expect.stringContaining(`http://${key}.localhost:${port}/.well-known/`)])
  }
})
