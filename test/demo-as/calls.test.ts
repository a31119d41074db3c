import { describe, expect, it } from 'vitest'
import { type Call, reportedStores, reportedUpstream } from '../../demo-as/calls.ts'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import { type Upstream, UpstreamMisconfiguredError, UpstreamUnavailableError } from '../../demo-as/upstream/upstream.ts'

const told = (calls: Call[]) => calls.map(({ dependency, operation, outcome }) => [dependency, operation, outcome])

describe('calls to a store', () => {
  it('are reported with the time that they took, and do what they do', async () => {
    const calls: Call[] = []
    const stores = createMemoryStores()
    const shared = reportedStores(
      name => ({ ...stores(name), isLocal: false }),
      call => calls.push(call),
    )('Grant')
    await shared.set('a', { outcome: 'of the value' }, 60, ['person:ada'])
    expect(await shared.get('a')).toEqual({ outcome: 'of the value' })
    expect(await shared.list('person:ada')).toEqual(['a'])
    expect(told(calls)).toEqual([
      ['store', 'set', 'ok'],
      ['store', 'get', 'ok'],
      ['store', 'list', 'ok'],
    ])
    expect(calls.every(({ milliseconds }) => milliseconds >= 0)).toBe(true)
  })

  it('that fail are reported as that, and fail', async () => {
    const calls: Call[] = []
    const failing = { ...createMemoryStores()('Grant'), isLocal: false, take: () => Promise.reject(new Error('away')) }
    const store = reportedStores(
      () => failing,
      call => calls.push(call),
    )('Grant')
    await expect(store.take('a')).rejects.toThrow('away')
    expect(told(calls)).toEqual([['store', 'take', 'failed']])
  })

  it('in the memory of this process are not measured', () => {
    const stores = createMemoryStores()
    expect(reportedStores(stores, () => {})('Grant')).toBe(stores('Grant'))
  })
})

describe('calls to an upstream', () => {
  const upstream: Upstream = {
    name: 'Example',
    depart: () => Promise.reject(new UpstreamMisconfiguredError('invalid_client')),
    identify: async () => ({ outcome: 'not_allowed', reason: 'in none of the rules' }) as never,
    recheck: () => Promise.reject(new UpstreamUnavailableError('ECONNREFUSED')),
  }

  it('are reported with what it says about the person, or why it says nothing', async () => {
    const calls: Call[] = []
    const reported = reportedUpstream(upstream, call => calls.push(call))
    await expect(reported.depart({} as never)).rejects.toThrow('invalid_client')
    expect(await reported.identify(new URLSearchParams(), {} as never)).toMatchObject({ outcome: 'not_allowed' })
    await expect(reported.recheck?.({}, async () => {})).rejects.toThrow('ECONNREFUSED')
    expect(told(calls)).toEqual([
      ['upstream', 'depart', 'rejected_us'],
      ['upstream', 'identify', 'not_allowed'],
      ['upstream', 'recheck', 'away'],
    ])
  })

  it('offers nothing that the upstream does not', () => {
    const { recheck, ...without } = upstream
    expect(reportedUpstream(without, () => {})).toEqual({
      name: 'Example',
      depart: expect.any(Function),
      identify: expect.any(Function),
    })
  })
})
