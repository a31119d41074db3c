import { describe, expect, it } from 'vitest'
import { demoUsers, guestScopes, userNamed } from '../../demo-as/users.ts'

const words = (...scopes: string[]) => Object.fromEntries(scopes.map(scope => [scope, `Do ${scope}`]))
const notes = { scopes: words('notes:read', 'notes:write', 'notes:admin'), defaultScopes: ['notes:read'] }
const files = { scopes: words('files:read', 'files:write'), defaultScopes: ['files:read'] }

const rights = (...resources: Parameters<typeof demoUsers>[0]) =>
  Object.fromEntries(demoUsers(resources).map(({ subject, scopes }) => [subject, scopes]))

describe('the people of the demo sign-in', () => {
  it('differ in what they may do on the server that there is, whatever its scopes are called', () => {
    expect(rights(notes)).toEqual({
      ada: ['notes:read', 'notes:write', 'notes:admin'],
      ben: ['notes:read', 'notes:write'],
      cleo: ['notes:read'],
    })
    expect(rights(files)).toEqual({
      ada: ['files:read', 'files:write'],
      ben: ['files:read', 'files:write'],
      cleo: ['files:read'],
    })
  })

  it('may use every server that there is', () => {
    expect(rights(notes, files).ben).toEqual(['notes:read', 'notes:write', 'files:read', 'files:write'])
    expect(rights(notes, files).cleo).toEqual(['notes:read', 'files:read'])
  })

  it('may do no less where a server asks for everything first, or has no scopes', () => {
    expect(rights({ ...notes, defaultScopes: Object.keys(notes.scopes) }).ben).toEqual(Object.keys(notes.scopes))
    expect(rights({ scopes: {}, defaultScopes: [] })).toEqual({ ada: [], ben: [], cleo: [] })
  })

  it('are joined by whoever types a name, who may do as much as Ben', () => {
    const users = demoUsers([notes])
    expect(userNamed(' Dora  Lee ', users, guestScopes([notes]))).toEqual({
      subject: 'guest:dora lee',
      username: 'dora lee',
      name: 'Dora Lee',
      scopes: ['notes:read', 'notes:write'],
    })
    expect(userNamed('ADA', users, [])).toBe(users[0])
    expect(userNamed('<b>', users, [])).toBeUndefined()
  })
})
