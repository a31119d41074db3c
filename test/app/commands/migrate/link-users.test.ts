import { describe, expect, it } from 'vitest'
import { linkByEmail } from '../../../../app/commands/migrate/link-users.ts'
import { listedUsers, type UserRecord } from '../../../../app/commands/migrate/user-file.ts'

type Someone = Partial<Omit<UserRecord, 'row'>>

const OLD = 'http://localhost:3001'
const NEW = 'https://login.microsoftonline.com/tenant-1/v2.0'

function list(issuer: string, people: readonly Someone[]) {
  const users = people.map((person, index) => ({
    id: `${index + 1}`,
    email: 'ada@example.com',
    emailVerified: true,
    scopes: [],
    ...person,
  }))
  return { issuer, source: listedUsers('list', users) }
}

const link = (former: readonly Someone[], current: readonly Someone[]) =>
  linkByEmail(list(OLD, former), list(NEW, current))

describe('links by e-mail', () => {
  it('are made where both sides have verified the address, whatever its case', async () => {
    const { links, notLinked } = await linkByEmail(list(OLD, [{ id: 'ada', email: 'Ada@Example.com' }]), {
      ...list(NEW, [{ id: 'oid-1' }]),
      subjectPrefix: 'tenant-1.',
    })
    expect(links).toEqual([
      { former: { issuer: OLD, subject: 'ada' }, current: { issuer: NEW, subject: 'tenant-1.oid-1' } },
    ])
    expect(notLinked).toEqual([])
  })

  it.each<[string, Someone[], Someone[]]>([
    ['has no e-mail address', [{ email: undefined }], [{}]],
    ['that the former provider has not verified', [{ emailVerified: false }], [{}]],
    ['that the new provider has not verified', [{}], [{ emailVerified: false }]],
    ['nobody at the new provider has', [{}], [{ email: 'ben@example.com' }]],
    ['several have at the new provider', [{}], [{}, {}]],
    ['several have at the new provider', [{}], [{}, { emailVerified: false }]],
    ['cannot be compared safely', [{ email: 'аda@example.com' }], [{ email: 'аda@example.com' }]],
    ['cannot be compared safely', [{ email: 'a@b@example.com' }], [{ email: 'a@b@example.com' }]],
  ])('are not made for one who %s', async (reason, former, current) => {
    const { links, notLinked } = await link(former, current)
    expect(links).toEqual([])
    expect(notLinked).toEqual([{ id: '1', reason: expect.stringContaining(reason) }])
  })

  it('are made for none of those who share an address', async () => {
    const { links, notLinked } = await link([{}, { email: 'ADA@example.com' }], [{}])
    expect(links).toEqual([])
    expect(notLinked.map(({ id }) => id)).toEqual(['1', '2'])
  })

  it('count an address as verified where the operator vouches for the list', async () => {
    const former = { ...list(OLD, [{ emailVerified: false }]), vouched: true }
    const { links } = await linkByEmail(former, list(NEW, [{}]))
    expect(links).toHaveLength(1)
  })
})
