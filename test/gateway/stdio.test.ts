import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type CallToolResult,
  Client,
  type ClientOptions,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { StdioTargetOptions } from '../../app/gateway/stdio/target.ts'
import { isRunning, type Serving, serve } from '../app/gateway/stdio/serving.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

// Servers that nobody here wrote, driven by official clients.

const packages = fileURLToPath(new URL('./packages', import.meta.url))

async function start(
  server: string,
  args: readonly string[],
  options: Partial<StdioTargetOptions> = {},
): Promise<Serving> {
  const serving = await serve({
    // As people write it; it is installed, so nothing is fetched.
    command: 'npx',
    args: ['--no-install', `mcp-server-${server}`, ...args],
    cwd: packages,
    ...options,
  })
  onTestFinished(() => serving.close())
  return serving
}

async function connect(serving: Serving, options: ClientOptions = {}, caller = 'ann') {
  const client = new Client({ name: 'test', version: '1' }, options)
  const transport = new StreamableHTTPClientTransport(serving.url, { requestInit: { headers: { 'x-caller': caller } } })
  await client.connect(transport)
  onTestFinished(() => client.close())
  return { client, transport }
}

const textOf = (result: unknown) => ((result as CallToolResult).content[0] as { text: string }).text

describe('server-everything', () => {
  it('works as without us: tools, resources, prompts, logs, progress, and questions to the client', async () => {
    const serving = await start('everything', [])
    const { client, transport } = await connect(serving, { capabilities: { sampling: {}, elicitation: {}, roots: {} } })
    client.setRequestHandler('sampling/createMessage', () => ({
      model: 'test',
      role: 'assistant' as const,
      content: { type: 'text' as const, text: 'sampled' },
    }))
    client.setRequestHandler('elicitation/create', () => ({ action: 'decline' as const }))
    client.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///work', name: 'work' }] }))
    const { tools } = await client.listTools()
    const names = tools.map(({ name }) => name)
    expect(names).toContain('echo')
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'ä' } }))).toBe('Echo: ä')
    const { resources } = await client.listResources()
    expect(resources.length).toBeGreaterThan(0)
    const { prompts } = await client.listPrompts()
    expect(prompts.length).toBeGreaterThan(0)
    const progress: number[] = []
    await client.callTool(
      { name: 'trigger-long-running-operation', arguments: { duration: 0.3, steps: 3 } },
      { onprogress: ({ progress: step }) => progress.push(step) },
    )
    expect(progress).toEqual([1, 2, 3])
    const sampled = await client.callTool({
      name: 'trigger-sampling-request',
      arguments: { prompt: 'p', maxTokens: 5 },
    })
    expect(textOf(sampled)).toContain('sampled')
    const asked = await client.callTool({ name: 'trigger-elicitation-request', arguments: {} })
    expect(JSON.stringify(asked)).toContain('declin')
    await transport.terminateSession()
    await vi.waitUntil(() => !serving.pids().some(isRunning), { timeout: 10_000 })
  })

  it('is given requests of several clients at once, on one process', async () => {
    const serving = await start('everything', [], { processPer: 'person' })
    const clients = await Promise.all(Array.from({ length: 5 }, () => connect(serving)))
    const calls = clients.flatMap(({ client }, number) =>
      Array.from({ length: 10 }, async (_, call) => {
        const message = `${number}/${call}`
        expect(textOf(await client.callTool({ name: 'echo', arguments: { message } }))).toBe(`Echo: ${message}`)
      }),
    )
    await Promise.all(calls)
    expect(serving.pids()).toHaveLength(1)
  })

  it('cancels a call that the client gives up', async () => {
    const serving = await start('everything', [])
    const { client } = await connect(serving)
    const controller = new AbortController()
    const long = client.callTool(
      { name: 'trigger-long-running-operation', arguments: { duration: 30, steps: 30 } },
      { signal: controller.signal, onprogress: () => controller.abort('enough') },
    )
    await expect(long).rejects.toThrow('enough')
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'on' } }))).toBe('Echo: on')
  })

  it('serves a client that tries 2026-07-28 first', async () => {
    const serving = await start('everything', [])
    const { client } = await connect(serving, { versionNegotiation: { mode: 'auto' } })
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'old' } }))).toBe('Echo: old')
  })

  it('serves a client of SDK 1.x', async () => {
    const serving = await start('everything', [])
    const client = new OldClient({ name: 'test', version: '1' })
    await client.connect(new OldTransport(serving.url))
    onTestFinished(() => client.close())
    const params = { name: 'echo', arguments: { message: '1.x' } }
    expect(textOf(await client.callTool(params, CallToolResultSchema))).toBe('Echo: 1.x')
  })
})

describe('server-filesystem', () => {
  it('reads and writes files, of any size that the limit allows', async () => {
    const folder = temporaryFolder()
    const serving = await start('filesystem', [folder])
    const { client } = await connect(serving)
    const content = 'line\n'.repeat(400_000)
    writeFileSync(join(folder, 'big.txt'), content)
    const read = await client.callTool({ name: 'read_text_file', arguments: { path: join(folder, 'big.txt') } })
    expect(textOf(read)).toBe(content)
    const path = join(folder, 'new.txt')
    await client.callTool({ name: 'write_file', arguments: { path, content } })
    expect(readFileSync(path, 'utf8')).toBe(content)
    const refused = await client.callTool({ name: 'read_text_file', arguments: { path: '/etc/hostname' } })
    expect(refused.isError).toBe(true)
  })
})

describe('server-memory', () => {
  it('has a process per session, which share the file that the environment names', async () => {
    const folder = temporaryFolder()
    const serving = await start('memory', [], { environment: { MEMORY_FILE_PATH: join(folder, 'memory.jsonl') } })
    const { client } = await connect(serving)
    const entities = [{ name: 'Ann', entityType: 'person', observations: ['likes tea'] }]
    await client.callTool({ name: 'create_entities', arguments: { entities } })
    const { client: second } = await connect(serving)
    expect(textOf(await second.callTool({ name: 'read_graph', arguments: {} }))).toContain('likes tea')
    expect(serving.pids()).toHaveLength(2)
  })
})
