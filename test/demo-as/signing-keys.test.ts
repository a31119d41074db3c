import { afterEach, describe, expect, it, vi } from 'vitest'
import { followKeys } from '../../demo-as/key-reload.ts'
import { createSigningKeys } from '../../demo-as/signing-keys.ts'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import { createSeal } from '../../demo-as/upstream/sealed.ts'
import { distantStores, startWithClient } from './support.ts'

const RETIRED_SECONDS = 3600

afterEach(() => void vi.useRealTimers())

function pass(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
}

const kids = (keys: readonly { kid: string }[]) => keys.map(({ kid }) => kid)

describe('signing keys', () => {
  it('are made once, whoever comes first', async () => {
    const stores = distantStores()
    const processes = Array.from({ length: 10 }, () => createSigningKeys({ stores, retiredSeconds: RETIRED_SECONDS }))
    const loaded = await Promise.all(processes.map(keys => keys.load()))
    expect(new Set(loaded.flatMap(kids)).size).toBe(1)
  })

  it('are announced before they sign, sign, and are published until their last token has ended', async () => {
    const keys = createSigningKeys({ stores: createMemoryStores(), retiredSeconds: RETIRED_SECONDS })
    const [first] = await keys.load()
    const { kid } = await keys.rotate(600)
    expect(kids(await keys.load())).toEqual([first.kid, kid])
    expect((await keys.list()).map(({ state }) => state)).toEqual(['announced', 'signing'])
    pass(600)
    expect(kids(await keys.load())).toEqual([kid, first.kid])
    expect((await keys.list()).map(({ state }) => state)).toEqual(['signing', 'retired'])
    pass(RETIRED_SECONDS - 1)
    expect(await keys.load()).toHaveLength(2)
    pass(1)
    expect(kids(await keys.load())).toEqual([kid])
  })

  it('sign at once where nobody can wait', async () => {
    const keys = createSigningKeys({ stores: createMemoryStores(), retiredSeconds: RETIRED_SECONDS })
    const [first] = await keys.load()
    const { kid, state } = await keys.rotate(0)
    expect(state).toBe('signing')
    expect(kids(await keys.load())).toEqual([kid, first.kid])
  })

  it('are rotated by one at a time, and not again before the new one signs', async () => {
    const keys = createSigningKeys({ stores: distantStores(), retiredSeconds: RETIRED_SECONDS })
    await keys.load()
    const rotations = await Promise.allSettled(Array.from({ length: 5 }, () => keys.rotate(600)))
    expect(rotations.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await expect(keys.rotate(600)).rejects.toThrow('does not sign yet')
    expect(await keys.load()).toHaveLength(2)
  })

  it('serve a process whose clock is behind that of the one that made them, or was set back since', async () => {
    const stores = createMemoryStores()
    const ahead = createSigningKeys({ stores, retiredSeconds: RETIRED_SECONDS, now: () => Date.now() + 3000_000 })
    const [{ kid }] = await ahead.load()
    const behind = createSigningKeys({ stores, retiredSeconds: RETIRED_SECONDS })
    expect(kids(await behind.load())).toEqual([kid])
    expect(await behind.list()).toMatchObject([{ kid, state: 'signing' }])
    const { kid: next } = await ahead.rotate(600)
    expect(kids(await behind.load())).toEqual([kid, next])
    const { kid: only } = await ahead.rotate(0, { dropOthers: true })
    expect(kids(await behind.load())).toEqual([only])
  })

  it('are looked for again when the clock was set back, as at other times', async () => {
    const keys = createSigningKeys({ stores: createMemoryStores(), retiredSeconds: RETIRED_SECONDS })
    const current = await followKeys(
      keys,
      ([first]) => first?.kid,
      () => {},
    )
    const { kid } = await keys.rotate(0)
    pass(-24 * 3600)
    await current()
    pass(24 * 3600)
    expect(await current()).toBe(kid)
  })

  it('lie encrypted in the store, and are not replaced when the key to them is missing', async () => {
    const memory = createMemoryStores()
    const store = memory('SigningKeys')
    const [right, wrong] = [createSeal([Buffer.alloc(32, 1)]), createSeal([Buffer.alloc(32, 2)])]
    const [{ kid }] = await createSigningKeys({ stores: memory, seal: right, retiredSeconds: 1 }).load()
    const kept = JSON.stringify(await store.get('signing keys'))
    expect(kept).not.toContain(kid)
    const other = createSigningKeys({ stores: memory, seal: wrong, retiredSeconds: 1 })
    await expect(other.load()).rejects.toThrow('not among BRIDGE_KEYS')
    expect(JSON.stringify(await store.get('signing keys'))).toBe(kept)
    const both = createSeal([Buffer.alloc(32, 2), Buffer.alloc(32, 1)])
    expect((await createSigningKeys({ stores: memory, seal: both, retiredSeconds: 1 }).load())[0].kid).toBe(kid)
  })
})

it('what lies under an encryption key of before is encrypted anew, so that the old one can be dropped', async () => {
  const stores = createMemoryStores()
  const [old, current] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const { origin: issuer } = await startWithClient({ stores, encryptionKeys: [old] })
  await startWithClient({ stores, issuer, encryptionKeys: [current, old] })
  const { client } = await startWithClient({ stores, issuer, encryptionKeys: [current] })
  expect((await client.register()).status).toBe(201)
  await expect(startWithClient({ stores, issuer, encryptionKeys: [old] })).rejects.toThrow('not among BRIDGE_KEYS')
})

it('after a leak the other keys are published no more', async () => {
  const keys = createSigningKeys({ stores: createMemoryStores(), retiredSeconds: RETIRED_SECONDS })
  await keys.load()
  await keys.rotate(600)
  const { kid, state } = await keys.rotate(600, { dropOthers: true })
  expect(state).toBe('signing')
  expect(kids(await keys.load())).toEqual([kid])
})

it('two processes follow a rotation without a restart, and nobody is logged out', async () => {
  const stores = createMemoryStores()
  const one = await startWithClient({ stores, accessTokenFormat: 'jwt' })
  const other = await startWithClient({ stores, accessTokenFormat: 'jwt', issuer: one.origin })
  const published = async (origin: string) =>
    kids(((await (await fetch(`${origin}/oauth/jwks`)).json()) as { keys: { kid: string }[] }).keys)
  const signerOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
  const { clientId, tokens } = await one.client.obtainTokens()
  const [first] = await published(one.origin)
  expect(signerOf(tokens.access_token)).toBe(first)

  const { kid } = await createSigningKeys({ stores, retiredSeconds: RETIRED_SECONDS }).rotate(600)
  pass(31)
  expect(await published(one.origin)).toEqual([first, kid])
  expect(await published(other.origin)).toEqual([first, kid])
  const announced = await other.client.refresh(clientId, tokens.refresh_token)
  expect(signerOf(announced.json.access_token)).toBe(first)

  pass(600)
  for (const { origin } of [one, other]) expect(new Set(await published(origin))).toEqual(new Set([first, kid]))
  const signed = await one.client.refresh(clientId, announced.json.refresh_token)
  expect(signed.status).toBe(200)
  expect(signerOf(signed.json.access_token)).toBe(kid)
  pass(31)
  expect((await other.client.refresh(clientId, signed.json.refresh_token)).status).toBe(200)
  expect(one.events.map(({ event }) => event)).toContain('signing_keys_changed')
})
