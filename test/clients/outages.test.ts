import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { createOidcEmulator } from '../../emulators/oidc.ts'
import { type SharedStore, STORES } from '../chaos/stores.ts'
import { type Processes, startProcessesOn } from '../e2e/processes.ts'
import type { Session } from './client.ts'
import { mcpRemote } from './drivers/mcp-remote.ts'
import { sdk1, sdk2 } from './drivers/sdk.ts'

/**
 * Without two others: the Inspector keeps no token from one command to the next, and mcporter opens the browser whatever the reason
 * is that a refresh fails.
 */
const CLIENTS = [sdk1('sdk-1.32'), sdk2('client-newest'), mcpRemote]
const ACCESS_TOKEN_SECONDS = 3600

interface Place {
  readonly processes: Processes
  /** By the name of the client; all are signed in. */
  readonly sessions: ReadonlyMap<string, Session>
  /** By the clocks of the processes, in milliseconds. */
  now(): number
  /** @returns Brings it back. */
  takeProviderAway(): () => void
  /** Restarts all processes, with clocks for which the access tokens of before have ended. */
  restartAfterExpiry(): Promise<void>
}

/** `npm start` as a bridge on a store, with a person in front of each client. */
async function signInAll(store: Readonly<Record<string, string>>, count?: number): Promise<Place> {
  const bridge = { clientId: 'bridge', clientSecret: 'the-secret-of-the-bridge' }
  let secondsLater = 0
  const now = () => Date.now() + secondsLater * 1000
  const emulator = createOidcEmulator({
    rotateRefreshTokens: true,
    clients: [{ ...bridge, redirectUris: ['http://localhost:1/oauth/callback'] }],
    now,
  })
  const provider = await emulator.start()
  onTestFinished(emulator.close)
  const settings = {
    AUTH_BRIDGE: 'on',
    AUTH_PROVIDER: 'oidc',
    OIDC_METADATA_URL: `${provider}/.well-known/openid-configuration`,
    BRIDGE_CLIENT_ID: bridge.clientId,
    BRIDGE_CLIENT_SECRET: bridge.clientSecret,
    BRIDGE_ALLOW: 'everyone',
    BRIDGE_GRANT_SCOPES: 'notes:read notes:write',
    BRIDGE_RECHECK_SECONDS: String(ACCESS_TOKEN_SECONDS),
    BRIDGE_KEYS: randomBytes(32).toString('base64'),
    TOKEN_CACHE_SECONDS: '0',
  }
  const processes = await startProcessesOn(store, settings, count)
  const { resource: url, issuer } = processes
  const sessions = new Map(CLIENTS.map(({ name, start }) => [name, start({ url, issuer, login: 'ada', provider })]))
  onTestFinished(() => onAll({ sessions }, session => session.close()))
  await onAll({ sessions }, session => session.connect())
  return {
    processes,
    sessions,
    now,
    takeProviderAway: () => emulator.fail({ kind: 'reset' }),
    async restartAfterExpiry() {
      secondsLater += ACCESS_TOKEN_SECONDS + 60
      await processes.restart(secondsLater)
    },
  }
}

it.each(Object.entries(STORES))(
  'clients stay signed in when processes crash, and while the store or the provider is away: %s',
  async (_name, open) => {
    const store = await open()
    const place = await signInAll(store.settings)
    await expectAnswers(place)

    await place.processes.restart()
    await expectAnswers(place)

    await place.restartAfterExpiry()
    const bringStoreBack = await takeAway(store)
    await expectFailures(place)
    await bringStoreBack()
    await expectAnswers(place)

    await place.restartAfterExpiry()
    const bringProviderBack = place.takeProviderAway()
    await expectFailures(place)
    bringProviderBack()
    await expectAnswers(place)

    await place.restartAfterExpiry()
    await onAll(place, session => session.connect())
    await expectAnswers(place)
    expect(signInsOf(place)).toEqual(everybody(1))
  },
)

it('clients register and sign in anew by themselves when the memory of the process is gone', async () => {
  const place = await signInAll({ AUTH_STORE: 'memory' }, 1)
  await expectAnswers(place)
  expect(signInsOf(place)).toEqual(everybody(1))

  await place.processes.restart()
  await expectAnswers(place)
  expect(signInsOf(place)).toEqual(everybody(2))
})

/** A file cannot be away; instead something else holds it, so that nothing can be written. @returns Brings it back. */
async function takeAway({ server, settings }: SharedStore): Promise<() => Promise<void>> {
  if (server) {
    await server.kill()
    return server.restart
  }
  const folder = settings.AUTH_DATA_DIR ?? ''
  const file = readdirSync(folder).find(name => name.endsWith('.sqlite')) ?? ''
  const holder = new DatabaseSync(join(folder, file))
  onTestFinished(() => holder[Symbol.dispose]())
  holder.exec('BEGIN IMMEDIATE')
  return async () => holder.close()
}

/** With tokens that have not ended, as soon as the processes have noticed that what was away is back. */
async function expectAnswers(place: Place): Promise<void> {
  await onAll(place, async (session, name) => {
    const isAnswer = expect.stringContaining('"expiresAt"')
    await expect.poll(() => answerOf(session), { timeout: 30_000, message: name }).toEqual(isAnswer)
    const { expiresAt } = JSON.parse(await answerOf(session)) as { expiresAt: string }
    expect(Date.parse(expiresAt), name).toBeGreaterThan(place.now())
  })
}

/** With words that tell nobody to sign in. */
async function expectFailures(place: Place): Promise<void> {
  await onAll(place, async (session, name) => {
    expect(await answerOf(session), name).toMatch(/"temporarily_unavailable"|does not answer/)
  })
}

const answerOf = (session: Session) => session.call('whoami', {}).catch((error: Error) => error.message)

const signInsOf = ({ sessions }: Place) => [...sessions].map(([name, session]) => [name, session.opened().length])

const everybody = (signIns: number) => CLIENTS.map(({ name }) => [name, signIns])

async function onAll({ sessions }: Pick<Place, 'sessions'>, act: (session: Session, name: string) => Promise<void>) {
  await Promise.all([...sessions].map(([name, session]) => act(session, name)))
}
