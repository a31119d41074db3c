import { describe, expect, it } from 'vitest'
import { grantedScopes, scopeGrants } from '../../src/people/grants.ts'

describe('grantedScopes', () => {
  const grants = [
    { scopes: ['a', 'b'], to: ['everyone'] },
    { scopes: ['b', 'c'], to: ['1', '2'] },
    { scopes: ['d'], to: ['@example.com'] },
  ]

  it.each([
    [[], ['a', 'b']],
    [['1'], ['a', 'b', 'c']],
    [
      ['2', '@example.com'],
      ['a', 'b', 'c', 'd'],
    ],
    [['12'], ['a', 'b']],
    [
      ['3', '@sub.example.com'],
      ['a', 'b'],
    ],
  ])('gives %j the scopes %j', (principals, scopes) => {
    expect(grantedScopes(grants, principals)).toEqual(scopes)
  })

  it('gives nothing to those whom no grant names', () => {
    expect(grantedScopes(grants.slice(1), ['3'])).toEqual([])
  })
})

describe('scopeGrants', () => {
  const schema = scopeGrants(/^\d+$/, 'a number')

  it('takes lists, and texts as environment variables have them', () => {
    const grants = [
      { scopes: 'a b', to: '1, 2' },
      { scopes: ['c'], to: ['everyone'] },
    ]
    expect(schema.parse(grants)).toEqual([
      { scopes: ['a', 'b'], to: ['1', '2'] },
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
