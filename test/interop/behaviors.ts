import type { Behavior, TokenMode } from './modes.ts'
import type { InteropServer } from './servers/server.ts'
import type { Resource } from './support/resource.ts'
import { until } from './support/until.ts'

/** Where a behavior is tried. */
export interface Surroundings {
  readonly server: InteropServer
  readonly mode: TokenMode
  /** A protected resource under the settings of the mode, and further ones. */
  resource(env?: Readonly<Record<string, string>>): Resource
}

/** Tries one thing, and says what was decided; `undefined`: the server cannot do it. */
type Trial = (surroundings: Surroundings) => Promise<readonly string[] | undefined>

/** Far enough that what was refused for lack of an answer is asked again. */
const A_WHILE_SECONDS = 60

/** A new key is known so long after its first token, at the latest. */
const KEY_SECONDS = 5

/** What `docs/outages.md` says of keys that are no longer published. */
const VANISHED_KEY_SECONDS = 600

const TOLERANT = { CLOCK_TOLERANCE_SECONDS: '60' }

export const trials: Readonly<Record<Behavior, Trial>> = {
  async 'people are accepted, each as themselves'({ server, resource }) {
    const ours = resource()
    const said: string[] = []
    for (const person of ['ada', 'ben'] as const) said.push(await ours.ask((await server.tokens({ person })).access))
    return said
  },
  async 'a machine is accepted as itself'({ server, resource }) {
    return server.machineToken && [await resource().ask(await server.machineToken())]
  },
  async 'a token for another audience is refused'({ server, resource }) {
    return server.tokenForAnother && [await resource().ask(await server.tokenForAnother())]
  },
  async 'a token of another client is refused'({ server, resource, mode }) {
    const ours = resource({ [mode.clientIds]: server.clients.ours.id })
    const said: string[] = []
    for (const client of ['ours', 'other'] as const) said.push(await ours.ask((await server.tokens({ client })).access))
    return said
  },
  async 'an expired token is refused'({ server, resource }) {
    const ours = resource()
    const { access } = await server.tokens()
    await ours.ask(access)
    const toleranceSeconds = 5
    ours.clockSeconds = ours.expiresAt + toleranceSeconds - Date.now() / 1000
    return [await ours.ask(access)]
  },
  async 'a revoked token is refused'({ server, resource }) {
    if (!server.revoke) return undefined
    const ours = resource()
    const { access } = await server.tokens()
    const before = await ours.ask(access)
    await server.revoke(access)
    return [before, await ours.ask(access)]
  },
  async 'a refresh token is refused'({ server, resource }) {
    const { access, refresh } = await server.tokens()
    return refresh === undefined ? undefined : [await askAfter(access, refresh, resource())]
  },
  async 'an ID token is refused'({ server, resource }) {
    const { access, id } = await server.tokens()
    return id === undefined ? undefined : [await askAfter(access, id, resource())]
  },
  async 'while the server is stopped, the answer is 503; once it is back, tokens are accepted'({ server, resource }) {
    const ours = resource()
    const { access } = await server.tokens()
    await server.stop()
    const away = await ours.ask(access)
    await server.start()
    ours.clockSeconds = A_WHILE_SECONDS
    return [away, await ours.ask((await server.tokens()).access)]
  },
  async 'a new key counts at once, and the one before no more after a while'({ server, resource, mode }) {
    if (!server.replaceKeys) return undefined
    const ours = resource()
    const before = await server.tokens()
    await ours.ask(before.access)
    await server.replaceKeys()
    const after = await server.tokens()
    const first = await ours.ask(after.access)
    if (first.startsWith('401')) return [first]
    const isKnown = (sentence: string) => sentence.startsWith('accepted')
    const known = await until(() => ours.ask(after.access), isKnown, KEY_SECONDS)
    ours.clockSeconds = VANISHED_KEY_SECONDS + 1
    const willDo = (sentence: string) => mode.name !== 'direct' || !isKnown(sentence)
    return [known, await until(() => ours.ask(before.access), willDo, KEY_SECONDS)]
  },
  async 'with our clock 40 seconds ahead, a token is refused so much early, unless that is tolerated'({
    server,
    resource,
  }) {
    const { access } = await server.tokens()
    const said: string[] = []
    for (const ours of [resource(), resource(TOLERANT)]) {
      await ours.ask(access)
      ours.clockSeconds = ours.expiresAt - 1 - Date.now() / 1000 + 40
      said.push(await ours.ask(access))
    }
    return said
  },
  async 'with our clock 40 seconds behind, a fresh token is accepted'({ server, resource }) {
    const { access } = await server.tokens()
    const said: string[] = []
    for (const ours of [resource(), resource(TOLERANT)]) {
      ours.clockSeconds = -40
      said.push(await ours.ask(access))
    }
    return said
  },
  async 'the token of somebody who was removed is refused'({ server, resource }) {
    if (!server.removePerson) return undefined
    const ours = resource()
    const { access } = await server.tokens({ person: 'ben' })
    const before = await ours.ask(access)
    await server.removePerson('ben')
    return [before, await ours.ask(access)]
  },
}

/** What is said to a token of another kind, once it is known what access tokens look like. */
async function askAfter(access: string, other: string, resource: Resource): Promise<string> {
  await resource.ask(access)
  return resource.ask(other)
}
