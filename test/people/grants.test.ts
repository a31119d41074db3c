import { describe, expect, it } from 'vitest'
import { scopeGrants } from '../../src/people/grants.ts'

describe('scopeGrants', () => {
  const schema = scopeGrants(/^user:\d+$/, 'user:NUMBER')

  it('takes lists, and texts as environment variables have them', () => {
    const grants = [
      { scopes: 'a b', to: '1, user:2' },
      { scopes: ['c'], to: ['everyone'] },
    ]
    expect(schema.parse(grants)).toEqual([
      { scopes: ['a', 'b'], to: ['user:1', 'user:2'] },
      { scopes: ['c'], to: ['everyone'] },
    ])
  })

  it.each([
    [[]],
    [[{ scopes: 'a' }]],
    [[{ to: 'everyone' }]],
    [[{ scopes: '', to: 'everyone' }]],
    [[{ scopes: 'a', to: '' }]],
    [[{ scopes: 'a', to: 'Everyone' }]],
    [[{ scopes: 'a', to: 'ada' }]],
    [[{ scopes: 'a', to: ['1', 'ada'] }]],
    [[{ scopes: 'a', to: 'everyone', users: '1' }]],
  ])('refuses %j', grants => {
    expect(schema.safeParse(grants).success).toBe(false)
  })
})
