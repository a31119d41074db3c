import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { githubProvider, openIdProvider } from './faults/providers.ts'
import { createWorld, FAULTS, type Fault, type Provider, type World } from './faults/world.ts'

/** The first two in npm test, all of them every night. */
const all: [string, () => Provider][] = [
  ['an OpenID provider that rotates and notices reuse', () => openIdProvider({ rotates: true })],
  ['GitHub with tokens that end', githubProvider],
  ['an OpenID provider that does not rotate', () => openIdProvider({ rotates: false })],
  ['an OpenID provider without ID tokens at refreshes', () => openIdProvider({ rotates: true, sendsIdTokens: false })],
]
const providers = process.env.ALL_VARIANTS ? all : all.slice(0, 2)

/** Faults by what they hit, and what became of it. */
const counted: Record<string, number> = {}
const count = (what: string) => {
  counted[what] = (counted[what] ?? 0) + 1
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())
afterAll(() => {
  const lines = Object.entries(counted).map(([what, times]) => `  ${what}: ${times}`)
  console.log(`faults: ${counted.faults ?? 0}\n${lines.join('\n')}`)
})

/** Something that is done while one call goes wrong. */
interface Attempt<T> {
  run: () => Promise<T>
  /** @param call - The one that went wrong, and all of the run without faults. */
  check: (result: T, fault: Fault, call: { at: number; calls: readonly string[] }) => Promise<void>
}

/** Every fault at every call that a run without faults makes, in a process that was just started. */
async function everyFault<T>(world: World, prepare: () => Promise<Attempt<T>>): Promise<void> {
  let all: readonly string[] = []
  for (let at = -1; at < all.length; at++) {
    for (const fault of at < 0 ? [undefined] : FAULTS) {
      await world.restart()
      const { run, check } = await prepare()
      const { result, calls } = await world.during(fault && { at, fault }, run)
      if (!fault) {
        all = calls
        continue
      }
      const name = calls[at] ?? 'none'
      count('faults')
      await check(result, fault, { at, calls: all }).catch(error => {
        throw new Error(`${fault} at call ${at} of ${all.length}, ${name}: ${error.message}`, { cause: error })
      })
    }
  }
}

describe.each(providers)('behind %s, whatever fails once at whichever call', (_name, create) => {
  it('somebody who signs in is signed in', { timeout: 600_000 }, async () => {
    const world = await createWorld(create())
    await everyFault(world, async () => ({
      run: world.signIn,
      async check(tokens, _fault, { at, calls }) {
        // From the consent to the code, whatever broke off is taken up again where it was.
        const isLastStep = at >= calls.indexOf('Interaction.get') && at < calls.indexOf('AuthorizationCode.get')
        if (isLastStep) expect(tokens.beginnings).toBe(1)
        if (tokens.beginnings > 1) count(`sign-ins begun again${world.refusals() > 0 ? ', as the provider says' : ''}`)
        expect(await world.introspect(tokens.access_token)).toBe(true)
        expect(await world.refresh(tokens.refresh_token)).toMatchObject({ status: 200 })
      },
    }))
  })

  it('somebody who is signed in stays signed in, unless the provider says no', { timeout: 600_000 }, async () => {
    const world = await createWorld(create())
    let refreshToken: string | undefined
    await everyFault(world, async () => {
      const current = refreshToken ?? (await world.signIn()).refresh_token
      refreshToken = undefined
      return {
        run: () => world.refresh(current),
        async check({ status, json }, fault) {
          if (status === 400 && world.refusals() > 0) {
            // Only an answer of the provider that nobody got is taken for a theft.
            expect(fault).not.toBe('refused')
            return count('grants ended by the provider')
          }
          expect({ status, json }).toMatchObject({ status: 200 })
          expect(await world.introspect(json.access_token)).toBe(true)
          const next = await world.refresh(json.refresh_token)
          expect(next).toMatchObject({ status: 200 })
          refreshToken = next.json.refresh_token
        },
      }
    })
  })

  it('what is revoked is over, here and at the provider', { timeout: 600_000 }, async () => {
    const provider = create()
    const world = await createWorld(provider)
    await everyFault(world, async () => {
      const tokens = await world.signIn()
      return {
        run: () => world.revoke(tokens.refresh_token),
        async check({ status }) {
          expect(status).toBe(200)
          expect(await world.introspect(tokens.access_token)).toBe(false)
          expect(await world.refresh(tokens.refresh_token)).toMatchObject({ json: { error: 'invalid_grant' } })
          // What is left is for the next process.
          await world.restart()
          await vi.waitFor(async () => expect(await provider.isEnded()).toBe(true))
        },
      }
    })
  })
})
