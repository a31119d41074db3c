import { describe, expect, it } from 'vitest'
import { createScopeNames } from '../../src/scopes/names.ts'

describe('scope names', () => {
  it('are the same everywhere by default', () => {
    const names = createScopeNames({})
    expect(names.toWire(['notes:read'])).toEqual(['notes:read'])
    expect(names.fromToken(['notes:read'])).toEqual(['notes:read'])
    expect(names.requestable).toBe(true)
  })

  it('are requested as one list, whatever is needed, where the provider knows none of ours', () => {
    const names = createScopeNames({ fixedWire: ['openid', 'email'] })
    for (const needed of [['notes:read'], ['notes:read', 'notes:write'], []]) {
      expect(names.toWire(needed)).toEqual(['openid', 'email'])
    }
    expect(names.requestable).toBe(false)
    expect(names.fromToken(['notes:read'])).toEqual(['notes:read'])
  })

  it('are not requested at all where that list is empty', () => {
    const names = createScopeNames({ fixedWire: [] })
    expect(names.toWire(['notes:read'])).toEqual([])
    expect(names.requestable).toBe(false)
  })
})

describe('a prefix', () => {
  const { toWire, fromToken } = createScopeNames({ prefix: 'https://mcp.example.com/mcp/' })

  it('is put before what clients request', () => {
    expect(toWire(['notes:read', 'notes:write'])).toEqual([
      'https://mcp.example.com/mcp/notes:read',
      'https://mcp.example.com/mcp/notes:write',
    ])
  })

  it('is removed from what tokens say, and may be missing there', () => {
    const said = [
      'https://mcp.example.com/mcp/notes:read',
      'notes:write',
      'openid',
      'https://other.example/notes:delete',
    ]
    expect(fromToken(said)).toEqual(['notes:read', 'notes:write', 'openid', 'https://other.example/notes:delete'])
  })
})

describe('a scope with names of its own', () => {
  const { toWire, fromToken } = createScopeNames({
    prefix: 'api://notes/',
    names: {
      'notes:write': { wire: 'api://notes/Notes.Write', token: ['Notes.Write', 'editor'] },
      'notes:delete': { token: ['editor'] },
      'notes:admin': { wire: 'admin' },
    },
  })

  it('is requested by it', () => {
    expect(toWire(['notes:write', 'notes:delete', 'notes:admin', 'notes:read'])).toEqual([
      'api://notes/Notes.Write',
      'api://notes/notes:delete',
      'admin',
      'api://notes/notes:read',
    ])
  })

  it('is granted by each of those values, and one value may grant several', () => {
    expect(fromToken(['Notes.Write'])).toEqual(expect.arrayContaining(['notes:write']))
    expect(fromToken(['editor'])).toEqual(expect.arrayContaining(['notes:write', 'notes:delete']))
  })

  it('is not granted by its own name, with the prefix or without', () => {
    expect(fromToken(['notes:write', 'api://notes/notes:write', 'notes:delete'])).toEqual([])
  })

  it('is granted by its own name where only the wire is called otherwise', () => {
    expect(fromToken(['notes:admin'])).toEqual(['notes:admin'])
  })
})
