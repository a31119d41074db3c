import { describe, expect, it } from 'vitest'
import { examineServer } from '../../app/commands/doctor/doctor.ts'
import { ask } from './ask.ts'
import { type Example, examples } from './examples.ts'
import { personAt } from './person.ts'
import { type Provider, providers } from './providers.ts'
import { run } from './running.ts'

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

  const ada = await personAt(server, example)
  await ada.connect()
  expect(ada.memory.authorizationRequests).toBe(1)
  expect((await ada.call('whoami')).text).toBe(ada.memory.clientId)
  expect((await ada.call('read_file', { path: 'a.txt' })).text).toBe('Hello')

  const tool = example.withoutStepUp ? undefined : 'write_file'
  const { findings } = await examineServer(url, fetch, { token: ada.memory.accessToken, tool })
  // That web pages cannot use a provider is a note, and of the provider.
  expect(findings.filter(({ code }) => code !== 'server.authorization_server_cors_missing')).toEqual([])

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
