import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { McpServer as LegacyServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { createMcpHandler, McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import { createAuth } from 'idplug'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadDeclarations } from '../../../app/declarations.ts'
import { declarationOf, describeScan, SCAN_LIMITS, scanTarget, writeDeclaration } from '../../../app/gateway/scan.ts'
import { listen } from '../../support/http.ts'

const SMALL = { ...SCAN_LIMITS, milliseconds: 20_000 }

async function serve(listener: RequestListener): Promise<string> {
  const { origin, close } = await listen(listener)
  onTestFinished(close)
  return `${origin}/mcp`
}

const modern = toNodeHandler(
  createMcpHandler(() => {
    const server = new McpServer({ name: 'files', title: 'Files', version: '1.0.0' })
    const answer = () => ({ content: [{ type: 'text' as const, text: 'done' }] })
    server.registerTool('list_files', { annotations: { readOnlyHint: true } }, answer)
    server.registerTool('write_file', { annotations: { readOnlyHint: false } }, answer)
    server.registerTool('no_hint', {}, answer)
    server.registerResource('readme', 'files://readme', {}, ({ href }) => ({ contents: [{ uri: href, text: '' }] }))
    server.registerResource('file', new ResourceTemplate('files://{path}', { list: undefined }), {}, ({ href }) => ({
      contents: [{ uri: href, text: '' }],
    }))
    server.registerPrompt('summary', {}, () => ({ messages: [] }))
    return server
  }),
)

async function bodyOf(
  request: IncomingMessage,
): Promise<{ id?: number; method: string; params?: { name?: string; cursor?: string } }> {
  const text = (await request.toArray()).join('')
  return text === '' ? { method: '' } : JSON.parse(text)
}

type Answer = (method: string, params: { cursor?: string }, request: IncomingMessage) => unknown

/** A server of 2025-11-25 that says whatever a test wants. */
function saying(answer: Answer, capabilities: object = { tools: {} }): RequestListener {
  return async (request, response) => {
    const { id, method, params = {} } = await bodyOf(request)
    if (id === undefined) return void response.writeHead(request.method === 'POST' ? 202 : 405).end()
    const result =
      method === 'initialize'
        ? { protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'strange', version: '1' } }
        : await answer(method, params, request)
    const error = { code: -32601, message: 'Method not found' }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...(result === undefined ? { error } : { result }) }))
  }
}

const tool = (name: string, readOnlyHint?: unknown) => ({
  name,
  inputSchema: { type: 'object' },
  ...(readOnlyHint !== undefined && { annotations: { readOnlyHint } }),
})
const listing = (tools: unknown[]) => saying(method => (method === 'tools/list' ? { tools } : undefined))

describe('a scan', () => {
  test('of a 2026-07-28 server makes a declaration whose tools need what their hints say', async () => {
    const scan = await scanTarget({ url: await serve(modern) })
    expect(scan.protocol).toBe('2026-07-28')
    expect(declarationOf(scan)).toEqual({
      name: 'Files',
      scopes: { 'files:read': 'Look things up with Files', 'files:write': 'Change things with Files' },
      initialScopes: ['files:read'],
      includes: { 'files:write': ['files:read'] },
      access: {
        tools: { list_files: ['files:read'], write_file: ['files:write'], no_hint: ['files:write'] },
        resources: { 'files://readme': ['files:read'], 'files://{path}': ['files:read'] },
        prompts: { summary: ['files:read'] },
        otherwise: ['files:write'],
      },
      mcpHeaders: 'compared',
    })
    expect(describeScan(scan).join('\n')).toContain('These are guesses')
  })

  test('of a command sees what it sees of the environment, and ends the process', async () => {
    const command = [process.execPath, join(import.meta.dirname, 'stdio-server.ts')] as const
    const scan = await scanTarget({ command, env: { VALUE: 'here' } })
    expect(scan).toMatchObject({
      name: 'My Shelf',
      comparesHeaders: undefined,
      resources: ['shelf://books/1'],
      prompts: ['summary'],
    })
    expect([...scan.tools]).toEqual([
      ['look', { isReadOnly: true }],
      ['put', { isReadOnly: false }],
      ['variable_here', { isReadOnly: false }],
    ])
    expect(declarationOf(scan).initialScopes).toEqual(['my-shelf:read'])
  })

  test('of a server of 2024-11-05 over HTTP with SSE', async () => {
    let transport: SSEServerTransport | undefined
    const url = await serve(async (request, response) => {
      if (request.method === 'GET') {
        const server = new LegacyServer({ name: 'old', version: '1' })
        server.registerTool('look', { annotations: { readOnlyHint: true } }, () => ({ content: [] }))
        transport = new SSEServerTransport('/messages', response)
        await server.connect(transport)
      } else if (request.url?.startsWith('/messages')) await transport?.handlePostMessage(request, response)
      else response.writeHead(405).end()
    })
    expect([...(await scanTarget({ url })).tools.keys()]).toEqual(['look'])
  })

  test('sends the credential of the target', async () => {
    const seen = new Set<unknown>()
    const url = await serve((request, response) => {
      seen.add(request.headers['x-api-key'])
      return modern(request, response)
    })
    await scanTarget({ url, headers: { 'x-api-key': 'k-1' } })
    expect([...seen]).toEqual(['k-1'])
  })

  test('reads all pages', async () => {
    const url = await serve(
      saying((method, { cursor }) =>
        method !== 'tools/list' ? undefined : cursor ? { tools: [tool('b')] } : { tools: [tool('a')], nextCursor: '2' },
      ),
    )
    const { tools, notes } = await scanTarget({ url })
    expect([...tools.keys()]).toEqual(['a', 'b'])
    expect(notes).toEqual([])
  })
})

describe('Mcp-Method and Mcp-Name', () => {
  test('that differ from the body are refused by a server that compares them', async () => {
    const scan = await scanTarget({ url: await serve(modern) })
    expect(scan.comparesHeaders).toBe(true)
    expect(describeScan(scan).join('\n')).toContain('forward auth may decide by these headers')
  })

  /** Makes a server that compares into one that does not: what it sees always agrees. */
  const agreeing =
    (which: 'mcp-method' | 'mcp-name'): RequestListener =>
    async (request, response) => {
      const { method, params } = await bodyOf(request).then(body => {
        Object.assign(request, { body })
        return body
      })
      const right = which === 'mcp-method' ? method : params?.name
      if (request.method === 'POST' && right !== undefined && request.headers[which] !== undefined) {
        request.headers[which] = right
        const index = request.rawHeaders.findIndex(name => name.toLowerCase() === which)
        request.rawHeaders[index + 1] = right
      }
      await modern(request, response, (request as unknown as { body: unknown }).body)
    }

  test.each(['mcp-method', 'mcp-name'] as const)('are not enough when only %s is not compared', async which => {
    const scan = await scanTarget({ url: await serve(agreeing(which)) })
    expect(scan.comparesHeaders).toBe(false)
    expect(declarationOf(scan)).not.toHaveProperty('mcpHeaders')
    expect(describeScan(scan).join('\n')).toContain('must not decide by these headers')
  })

  test.each([
    ['a call of an older revision', (body: unknown) => !Array.isArray(body) && !JSON.stringify(body).includes('_meta')],
    ['a batch', (body: unknown) => Array.isArray(body)],
  ])('are not enough for a server that takes %s all the same', async (_what, isTaken) => {
    const url = await serve(async (request, response) => {
      const body = await bodyOf(request)
      const isCall = JSON.stringify(body).includes('idplug-scan-')
      if (isCall && isTaken(body)) return void response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} }))
      await modern(request, response, body)
    })
    expect((await scanTarget({ url })).comparesHeaders).toBe(false)
  })

  test('are not tried at a server of before', async () => {
    expect((await scanTarget({ url: await serve(listing([tool('a')])) })).comparesHeaders).toBeUndefined()
  })

  test('call no tool', async () => {
    const called: unknown[] = []
    const url = await serve(async (request, response) => {
      const body = await bodyOf(request)
      if (body.method === 'tools/call') called.push(body.params?.name)
      await modern(request, response, body)
    })
    await scanTarget({ url })
    expect(called.length).toBeGreaterThan(0)
    for (const name of called) expect(name).toMatch(/^idplug-scan-[0-9a-f-]{36}$/)
  })
})

describe('a hostile server', () => {
  test('with 10,000 tools has rules for the first 1,000; the others need the scope for writing', async () => {
    const scan = await scanTarget({
      url: await serve(listing(Array.from({ length: 10_000 }, (_, index) => tool(`t${index}`, true)))),
    })
    expect(scan.tools.size).toBe(1_000)
    expect(scan.notes).toEqual([
      'tools/list lists more than 1000: the rest has no rule, and needs what otherwise says.',
    ])
  })

  test.each([
    ['the same cursor', () => 'again', 2],
    ['a new cursor', (page: number) => String(page), 100],
  ])('whose pages never end, with %s each time', async (_what, cursorOf, most) => {
    let pages = 0
    const answer: Answer = method => {
      if (method !== 'tools/list') return undefined
      pages++
      return { tools: [tool(`t${pages}`)], nextCursor: cursorOf(pages) }
    }
    const { tools, notes } = await scanTarget({ url: await serve(saying(answer)) })
    expect(tools.size).toBe(most)
    expect(pages).toBe(most)
    expect(notes).toEqual([expect.stringContaining('tools/list does not come to an end')])
  })

  test('whose names nobody could read in the file loses them', async () => {
    const names = ['fine', 'a\u0000b', '\u202Egpj.exe', 'line\nbreak', '', 'x'.repeat(257), 'zero\u200bwidth', '\ud800']
    const scan = await scanTarget({
      url: await serve(listing([...names.map(name => tool(name, true)), { title: 'no name' }])),
    })
    expect([...scan.tools.keys()]).toEqual(['fine'])
    expect(scan.notes).toEqual([expect.stringContaining('tools/list has 8 that are left out')])
  })

  test('that names a tool twice, or says “true” as a text, gets no rule for reading', async () => {
    const tools = [
      tool('twice', false),
      tool('twice', true),
      tool('back', true),
      tool('back', false),
      tool('text', 'true'),
    ]
    const scan = await scanTarget({ url: await serve(listing(tools)) })
    expect([...scan.tools.values()].every(({ isReadOnly }) => !isReadOnly)).toBe(true)
  })

  test('with names that JavaScript knows has rules for them that count', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
    const scan = await scanTarget({ url: await serve(listing(names.map(name => tool(name, name === 'constructor')))) })
    const written = JSON.parse(JSON.stringify(declarationOf(scan)))
    expect(Object.keys(written.access.tools)).toEqual(names)
  })

  test('that is slow ends with the time that a scan has', async () => {
    const url = await serve(() => {})
    await expect(scanTarget({ url }, { ...SMALL, milliseconds: 200 })).rejects.toThrow(
      /^The server at http:\/\/127\.0\.0\.1:\d+ did not answer within 0\.2 seconds$/,
    )
  })

  test('that is slow after a page keeps the page', async () => {
    const answer: Answer = (method, { cursor }) =>
      method !== 'tools/list' ? undefined : cursor ? new Promise(() => {}) : { tools: [tool('a')], nextCursor: '2' }
    const scan = await scanTarget({ url: await serve(saying(answer)) }, { ...SMALL, milliseconds: 1_000 })
    expect([...scan.tools.keys()]).toEqual(['a'])
    expect(scan.notes).toEqual([expect.stringContaining('tools/list did not end within 1 seconds')])
  })

  test('that sends too much is cut off', async () => {
    const url = await serve(listing([tool('a'), { ...tool('b'), description: 'x'.repeat(200_000) }]))
    const scan = await scanTarget({ url }, { ...SMALL, bytes: 100_000 })
    expect(scan.tools.size).toBe(0)
    expect(scan.notes).toEqual([expect.stringContaining('tools/list failed')])
  })

  test('that redirects is not followed, so that no credential goes elsewhere', async () => {
    const requests: string[] = []
    const other = await serve((request, response) => {
      requests.push(request.url ?? '')
      response.end()
    })
    const url = await serve((_request, response) => response.writeHead(307, { location: other }).end())
    await expect(scanTarget({ url, headers: { authorization: 'Bearer k' } })).rejects.toThrow(
      `redirects to ${other} (status 307). Correct its URL (--to).`,
    )
    expect(requests).toEqual([])
  })

  test('whose name is not fit for a page gets one that is', async () => {
    const url = await serve(listing([]))
    const scan = await scanTarget({ url })
    expect(scan.name).toBe('strange')
    const named = { ...scan, name: '名前' }
    expect(Object.keys(declarationOf(named).scopes)).toEqual(['mcp:read', 'mcp:write'])
  })
})

test('a server that is not there is named, without what its URL may hold', async () => {
  const { origin, close } = await listen(() => {})
  await close()
  const failed = scanTarget({ url: `${origin}/mcp?key=hunter22` })
  await expect(failed).rejects.toThrow(
    `The server at ${origin} cannot be scanned: ${origin}/mcp cannot be reached (ECONNREFUSED). Start it, or correct its URL (--to).`,
  )
  await expect(failed).rejects.not.toThrow('hunter22')
})

test('a command that is not there is named', async () => {
  await expect(scanTarget({ command: ['no-such-command-here'] })).rejects.toThrow(
    'The command no-such-command-here cannot be scanned: spawn no-such-command-here ENOENT',
  )
})

describe('the file', () => {
  async function fileOf(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'idplug-scan-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    return join(folder, 'files.json')
  }

  test('loads as AUTH_RESOURCE, and refuses a tool that came later without the scope for writing', async () => {
    const path = await fileOf()
    await writeDeclaration(path, declarationOf(await scanTarget({ url: await serve(modern) })))
    const { files } = loadDeclarations({ AUTH_RESOURCE: path })
    const auth = createAuth(files as never, {
      env: { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'a.okta.com', PUBLIC_URL: 'https://mcp.example.com' },
    })
    onTestFinished(() => auth.close())
    const allows = (scopes: string[], tool: string) => auth.allows({ token: { scopes } as never }, 'tool', tool)
    expect(allows(['files:read'], 'list_files')).toBe(true)
    expect(allows(['files:read'], 'write_file')).toBe(false)
    expect(allows(['files:read'], 'came_later')).toBe(false)
    expect(allows(['files:write'], 'came_later')).toBe(true)
    expect(allows(['files:write'], 'list_files')).toBe(true)
  })

  test('is never overwritten without being told', async () => {
    const path = await fileOf()
    await writeFile(path, 'edited by hand')
    const declaration = { name: 'Files', scopes: {} }
    await expect(writeDeclaration(path, declaration)).rejects.toThrow(
      `${path} is there already: name another file, or add --force`,
    )
    expect(await readFile(path, 'utf8')).toBe('edited by hand')
    await writeDeclaration(path, declaration, true)
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(declaration)
  })
})

test('says after a while what is waited for: npx may be downloading', async () => {
  const command = [process.execPath, '-e', 'process.stdin.resume()'] as const
  const said: string[] = []
  const limits = { ...SCAN_LIMITS, quiet: 10, milliseconds: 500 }
  await expect(scanTarget({ command }, limits, sentence => said.push(sentence))).rejects.toThrow(
    'did not answer within 0.5 seconds',
  )
  expect(said).toEqual([
    `Waiting for the command ${process.execPath}, for 0.5 seconds at most. The first time, npx and its like download what they start.`,
  ])
})

test('says nothing of waiting where the answer comes at once', async () => {
  const said: string[] = []
  await scanTarget({ url: await serve(modern) }, { ...SCAN_LIMITS, quiet: 60_000 }, sentence => said.push(sentence))
  expect(said).toEqual([])
})
