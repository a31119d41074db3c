import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { freePort } from '../support/http.ts'
import { trials } from './behaviors.ts'
import { bridgeTrials } from './bridge-behaviors.ts'
import { BEHAVIORS, BRIDGE_BEHAVIORS, type Expected, isBridge, isPossible, type Mode } from './modes.ts'
import { definitions } from './servers/index.ts'
import type { Definition, InteropServer } from './servers/server.ts'
import { type Bridge, startBridge } from './support/bridge.ts'
import { installedVersion } from './support/installed-version.ts'
import { createResource, inWords } from './support/resource.ts'

it.each(definitions)('$name is installed in the version that the page names', ({ from, version }) => {
  expect(installedVersion(from)).toMatch(new RegExp(`^${version.replaceAll('.', '[.]')}(?![\\d.])`))
})

const modes = definitions.flatMap(definition => definition.modes.map(mode => ({ definition, mode })))

function resourceAt(server: InteropServer, settings: Readonly<Record<string, string>>) {
  const resource = createResource(server, settings)
  onTestFinished(() => resource.close())
  return resource
}

/** A server for all tests of a mode: they come in an order in which one leaves it usable for the next. */
function started({ create }: Definition) {
  const started = {} as { server: InteropServer; origin: string }
  beforeAll(async () => {
    started.origin = `http://localhost:${await freePort()}`
    started.server = await create(`${started.origin}/oauth/callback`)
    await started.server.start()
  })
  afterAll(() => started.server?.end())
  return started
}

const sentences = (expected: Expected | undefined) => (expected && 'says' in expected ? expected.says : undefined)

const direct = modes.flatMap(({ definition, mode }) =>
  isPossible(mode) && !isBridge(mode) ? { title: titleOf(definition, mode), definition, mode } : [],
)
describe.each(direct)('$title', ({ definition, mode }) => {
  const at = started(definition)
  it.each(BEHAVIORS)('%s', async behavior => {
    const { server } = at
    const resource = (env?: Readonly<Record<string, string>>) =>
      resourceAt(server, { ...mode.settings(server), ...env })
    const said = await trials[behavior]({ server, mode, resource })
    expect(said).toEqual(sentences(mode.expected[behavior]))
  })
})

const impossible = modes.flatMap(({ definition, mode }) =>
  !isPossible(mode) && mode.name !== 'bridge' ? { title: titleOf(definition, mode), definition, mode } : [],
)
describe.each(impossible)('$title', ({ definition, mode }) => {
  const at = started(definition)
  it('is not possible, and what is said to a token names the cause', async () => {
    const { access } = await at.server.tokens()
    expect(await resourceAt(at.server, mode.settings(at.server)).ask(access)).toBe(mode.refuses)
  })
})

const impossibleBridges = modes.flatMap(({ definition, mode }) =>
  !isPossible(mode) && mode.name === 'bridge' ? { title: titleOf(definition, mode), definition, mode } : [],
)
describe.each(impossibleBridges)('$title', ({ definition, mode }) => {
  const at = started(definition)
  it('is not possible, and what is reported at a sign-in names the cause', async () => {
    const { server, origin } = at
    const bridge = await startBridge(server, origin, mode.settings(server))
    onTestFinished(() => bridge.close())
    await expect(bridge.person('ada').signIn()).rejects.toThrow()
    expect(inWords(bridge.lastReason() ?? '', server)).toBe(mode.refuses)
  })
})

const bridges = modes.flatMap(({ definition, mode }) =>
  isPossible(mode) && isBridge(mode) ? { title: titleOf(definition, mode), definition, mode } : [],
)
describe.each(bridges)('$title', ({ definition, mode }) => {
  const at = started(definition)
  let bridge: Bridge
  beforeAll(async () => {
    bridge = await startBridge(at.server, at.origin, mode.settings(at.server))
  })
  afterAll(() => bridge?.close())

  it.each(BRIDGE_BEHAVIORS)('%s', async behavior => {
    const said = await bridgeTrials[behavior]({ server: at.server, bridge })
    expect(said, bridge.log()).toEqual(sentences(mode.expected[behavior]))
  })
})

function titleOf({ name, version }: Definition, mode: Mode): string {
  return `${name} ${version}, ${mode.name} by ${mode.adapter}`
}
