import { describe, expect, it, onTestFinished } from 'vitest'
import { examineServer } from '../../app/commands/doctor/doctor.ts'
import { createMcpUser, type McpUser } from '../e2e/mcp-user.ts'
import { ask } from './ask.ts'
import { type Example, examples } from './examples.ts'
import { type Provider, providers } from './providers.ts'
import { type Running, run } from './running.ts'

/** A person with the official client that fits the server. */
function personAt({ url, login, clientId, bridgedTo }: Running, issuer: string, { sdk }: Example): McpUser {
  const user = createMcpUser(sdk, url, login, sdk === '2.x' && bridgedTo !== undefined, bridgedTo)
  onTestFinished(() => user.close())
  // The issuer keeps SDK 2.x from warning that it cannot tell whose client this is.
  if (clientId !== undefined) user.memory.saveClientInformation(Object.assign({ client_id: clientId }, { issuer }))
  return user
}

async function issuerOf(url: string): Promise<string> {
  const metadata = await fetch(url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp'))
  return ((await metadata.json()) as { authorization_servers: string[] }).authorization_servers[0] ?? ''
}

async function signInAndStepUp(example: Example, provider: Provider): Promise<void> {
  const server = await run(example, provider)
  const { url } = server

  const metadataUrl = url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp')
  const stranger = await ask(url, 'whoami')
  expect(stranger).toMatchObject({
    status: 401,
    challenge: expect.stringContaining(`resource_metadata="${metadataUrl}"`),
  })
  expect(stranger.challenge).not.toContain('error=')
  const forged = await ask(url, 'whoami', 'not-a-token-of-anybody')
  expect(forged).toMatchObject({ status: 401, challenge: expect.stringContaining('error="invalid_token"') })

  const ada = personAt(server, await issuerOf(url), example)
  await ada.connect()
  expect(ada.memory.authorizationRequests).toBe(1)
  expect((await ada.call('whoami')).text).toBe(ada.memory.clientId)
  expect((await ada.call('read_file', { path: 'a.txt' })).text).toBe('Hello')

  const tool = example.withoutStepUp ? undefined : 'write_file'
  expect((await examineServer(url, fetch, { token: ada.memory.accessToken, tool })).findings).toEqual([])

  const expectedSignIns = example.withoutStepUp ? 1 : 2
  const change = { path: 'a.txt', text: 'Goodbye' }
  if (!example.withoutStepUp) {
    await expect(ada.call('write_file', change)).rejects.toThrow()
    expect(ada.memory.authorizationRequests).toBe(2)
    await ada.finishSignIn()
  }
  expect(await ada.call('write_file', change)).toEqual({ isError: false, text: 'wrote a.txt' })
  expect((await ada.call('read_file', { path: 'a.txt' })).text).toBe('Goodbye')
  expect(ada.memory.authorizationRequests).toBe(expectedSignIns)
  expect(server.log()).not.toContain(ada.memory.accessToken)
}

describe.each(examples)('docs/examples/servers/$name', example => {
  const usable = example.isWorker
    ? providers.filter(({ way }) => way === 'the client is registered by hand')
    : providers
  it.each(usable)(
    'refuses, signs in, steps up and answers, and the doctor finds nothing; people sign in at $name, $way',
    provider => signInAndStepUp(example, provider),
  )
})
