import { vi } from 'vitest'
import type { BridgeBehavior } from './modes.ts'
import type { InteropServer, PersonName } from './servers/server.ts'
import type { Bridge, Person } from './support/bridge.ts'
import { inWords } from './support/resource.ts'

export interface BridgeSurroundings {
  readonly server: InteropServer
  readonly bridge: Bridge
}

/** Tries one thing, and says what came of it; `undefined`: the server cannot do it. */
type Trial = (surroundings: BridgeSurroundings) => Promise<readonly string[] | undefined>

export const bridgeTrials: Readonly<Record<BridgeBehavior, Trial>> = {
  async 'people sign in, each as themselves'({ server, bridge }) {
    const said: string[] = []
    for (const name of ['ada', 'ben'] as const) said.push(await who(server, await signedIn(bridge, name)))
    return said
  },
  async 'a refresh asks the server, and goes on'({ server, bridge }) {
    const ada = await signedIn(bridge, 'ada')
    return [await refreshed(server, ada)]
  },
  async 'tokens of the server itself are refused'({ server, bridge }) {
    const { access, id, refresh } = await server.tokens()
    const tokens = [access, id, refresh].filter(token => token !== undefined)
    return Promise.all(tokens.map(async token => String(await statusOf(bridge.resource, token))))
  },
  async 'while the server is stopped, a refresh is 503; once it is back, it goes on'({ server, bridge }) {
    const ada = await signedIn(bridge, 'ada')
    const { refreshToken } = ada.memory
    await server.stop()
    const away = await refreshed(server, ada)
    await server.start()
    if (ada.memory.refreshToken !== refreshToken) return [away, 'the refresh token is gone']
    return [away, await refreshed(server, ada)]
  },
  async 'people sign in and refresh after the keys were replaced'({ server, bridge }) {
    if (!server.replaceKeys) return undefined
    const ada = await signedIn(bridge, 'ada')
    await server.replaceKeys()
    return [await refreshed(server, ada), await who(server, await signedIn(bridge, 'ada'))]
  },
  async 'with our clock 35 seconds ahead, people sign in and refresh'({ server, bridge }) {
    return withClock(35, server, bridge)
  },
  async 'with our clock 35 seconds behind, people sign in and refresh'({ server, bridge }) {
    return withClock(-35, server, bridge)
  },
  async 'somebody who was removed is signed out by the next refresh'({ server, bridge }) {
    if (!server.removePerson) return undefined
    const ben = await signedIn(bridge, 'ben')
    await server.removePerson('ben')
    return [await refreshed(server, ben)]
  },
}

/** The server is a process of its own, with the right time. */
async function withClock(seconds: number, server: InteropServer, bridge: Bridge): Promise<readonly string[]> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
  try {
    const ada = await signedIn(bridge, 'ada').catch((error: Error) => error)
    if (ada instanceof Error) return [`no sign-in: ${bridge.lastReason()}`]
    return [await who(server, ada), await refreshed(server, ada)]
  } finally {
    vi.useRealTimers()
  }
}

async function signedIn(bridge: Bridge, name: PersonName): Promise<Person> {
  const person = bridge.person(name)
  await person.signIn()
  return person
}

async function who(server: InteropServer, person: Person): Promise<string> {
  return inWords(await person.whoami(), server)
}

/** What comes of a refresh: who it is then, or what the client was told. */
async function refreshed(server: InteropServer, person: Person): Promise<string> {
  const { memory } = person
  const before = { accessToken: memory.accessToken, signIns: memory.authorizationRequests }
  memory.spoilAccessToken()
  try {
    const subject = await who(server, person)
    return memory.accessToken === before.accessToken ? 'not refreshed' : `refreshed: ${subject}`
  } catch (error) {
    if (memory.authorizationRequests > before.signIns) return 'signed out'
    return `${(error as { code?: string }).code ?? (error as Error).name}: ${(error as Error).message}`
  }
}

async function statusOf(resource: string, token: string): Promise<number> {
  const init = { method: 'POST', headers: { authorization: `Bearer ${token}` } }
  const response = await fetch(resource, init)
  await response.body?.cancel()
  return response.status
}
