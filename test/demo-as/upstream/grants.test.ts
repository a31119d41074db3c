import { randomBytes } from 'node:crypto'
import type Provider from 'oidc-provider'
import { describe, expect, it } from 'vitest'
import { createMemoryStores } from '../../../demo-as/stores/memory.ts'
import { createUpstreamGrants } from '../../../demo-as/upstream/grants.ts'
import { createSeal } from '../../../demo-as/upstream/sealed.ts'
import { createUpstreamSessions } from '../../../demo-as/upstream/sessions.ts'
import {
  type Identification,
  type Upstream,
  UpstreamBehindError,
  UpstreamMisconfiguredError,
  UpstreamUnavailableError,
} from '../../../demo-as/upstream/upstream.ts'

const REFRESH = { grantId: 'grant-1', accountId: 'x:1', clientId: 'client-1' }
const ada = { subject: 'x:1', username: 'ada', name: 'Ada', scopes: ['notes:read'] }
const signedIn: Identification = { outcome: 'signed_in', user: ada, session: 'new' }

/** Grants of one person whose upstream says `answer`, and one grant of theirs that is kept. */
async function start(answer: Identification | Error, upstream: Partial<Upstream> = {}) {
  const ended: unknown[] = []
  const events: string[] = []
  const rejected: string[] = []
  const stores = createMemoryStores()
  const sessions = createUpstreamSessions(stores, createSeal([randomBytes(32)]), 60, true)
  await sessions.keep('grant-1', 'x:1', 'old')
  const grants = createUpstreamGrants({
    upstream: {
      name: 'X',
      depart: async () => ({ url: 'https://x.example' }),
      identify: async () => ({ outcome: 'nobody' }),
      async recheck() {
        if (answer instanceof Error) throw answer
        return answer
      },
      async end(session) {
        ended.push(session)
      },
      ...upstream,
    },
    sessions,
    accounts: stores('Account'),
    accountSeconds: 60,
    log: event => void events.push(event),
  })
  const grant = {
    resources: { 'https://mcp.example.com/mcp': 'notes:read notes:write' },
    rejectResourceScope: (_resource: string, scopes: string) => void rejected.push(scopes),
    save: async () => 'grant-1',
  }
  const provider = { Grant: { find: async () => grant } } as unknown as Provider
  const sessionOf = async (grantId: string) => (await sessions.find(grantId))?.session
  return {
    grants,
    sessions,
    sessionOf,
    stores,
    ended,
    events,
    rejected,
    refresh: () => grants.beforeRefresh(provider, REFRESH),
  }
}

describe('before a refresh', () => {
  it('the session that the upstream gave takes the place of the one before', async () => {
    const { refresh, sessionOf, stores } = await start(signedIn)
    await refresh()
    expect(await sessionOf('grant-1')).toBe('new')
    expect(await stores('Account').get('x:1')).toEqual(ada)
  })

  it('scopes that the rules grant no more are taken from the grant', async () => {
    const { refresh, rejected } = await start(signedIn)
    await refresh()
    expect(rejected).toEqual(['notes:write'])
  })

  it.each<[string, Identification]>([
    ['is gone', { outcome: 'nobody' }],
    ['may not enter any more', { outcome: 'not_allowed', words: '', reason: '' }],
    ['is another one', { ...signedIn, user: { ...ada, subject: 'x:2' } }],
  ])('the grant ends when the person %s', async (_label, answer) => {
    const { refresh, events } = await start(answer)
    await expect(refresh()).rejects.toMatchObject({ error: 'invalid_grant' })
    expect(events).toEqual(['access_ended'])
  })

  it.each([
    ['is down', new UpstreamUnavailableError('down'), 'upstream_unavailable'],
    ['is ahead of us', new UpstreamBehindError('OAUTH_KEY_SELECTION_FAILED'), 'upstream_behind'],
    ['refuses this server as its client', new UpstreamMisconfiguredError('invalid_client'), 'upstream_rejected_us'],
  ])('nothing changes while the upstream %s, and that is said', async (_label, error, event) => {
    const { refresh, sessionOf, events } = await start(error)
    await expect(refresh()).rejects.toMatchObject({ error: 'temporarily_unavailable', status: 503 })
    expect(await sessionOf('grant-1')).toBe('old')
    expect(events).toEqual([event])
  })

  it('a session that was renewed before the upstream went down is kept', async () => {
    const { refresh, sessionOf } = await start(signedIn, {
      async recheck(_session, keep) {
        await keep('renewed')
        throw new UpstreamUnavailableError('down')
      },
    })
    await expect(refresh()).rejects.toMatchObject({ error: 'temporarily_unavailable', status: 503 })
    expect(await sessionOf('grant-1')).toBe('renewed')
  })

  it.each([
    ['before it answers', 'renewed'],
    ['after it has answered', 'new'],
  ])('what the upstream gives for a grant that ends %s is ended there', async (when, given) => {
    const { refresh, sessions, ended } = await start(signedIn, {
      async recheck(_session, keep) {
        if (when === 'before it answers') await sessions.end('grant-1')
        await keep('renewed')
        await sessions.end('grant-1')
        return signedIn
      },
    })
    await expect(refresh()).rejects.toMatchObject({ error: 'invalid_grant' })
    expect(ended).toEqual([given])
  })

  it('nothing changes by an error that nobody expected', async () => {
    const { refresh, sessionOf } = await start(new Error('bug'))
    await expect(refresh()).rejects.toThrow('bug')
    expect(await sessionOf('grant-1')).toBe('old')
  })

  it('the grant ends when what the upstream gave is lost', async () => {
    const { refresh, sessions } = await start(signedIn)
    await sessions.forget('grant-1')
    await expect(refresh()).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  it('nobody is asked where the upstream cannot say', async () => {
    const { refresh, sessionOf } = await start(signedIn, { recheck: undefined })
    await refresh()
    expect(await sessionOf('grant-1')).toBe('old')
  })
})

describe('a grant that ends', () => {
  it('ends its session at the upstream, once', async () => {
    const { grants, ended } = await start(signedIn)
    await grants.end('grant-1')
    await grants.settle()
    await grants.end('grant-1')
    expect(ended).toEqual(['old'])
  })

  it('leaves the person their other clients, where the upstream would end them all', async () => {
    const { grants, sessions, ended } = await start(signedIn, { endsAll: true })
    await sessions.keep('grant-2', 'x:1', 'other')
    await grants.end('grant-1')
    await grants.settle()
    expect(ended).toEqual([])
    await grants.end('grant-2')
    await grants.settle()
    expect(ended).toEqual(['other'])
  })

  it('has its session ended later when the upstream is down, by whichever process', async () => {
    const ended: unknown[] = []
    let isDown = true
    const { grants, events } = await start(signedIn, {
      async end(session) {
        if (isDown) throw new UpstreamUnavailableError('down')
        ended.push(session)
      },
    })
    await grants.end('grant-1')
    await grants.settle()
    expect(events).toContain('upstream_end_failed')
    isDown = false
    await grants.settle()
    await grants.settle()
    expect(ended).toEqual(['old'])
  })
})
