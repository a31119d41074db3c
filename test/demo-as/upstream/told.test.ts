import { expect, it } from 'vitest'
import { joined, retold } from '../../../demo-as/upstream/told.ts'

const NOW = 1_800_000_000

it('takes an address and whether it is verified from one document', () => {
  const idToken = { sub: '1', email: 'ada@corp.com' }
  const userInfo = { sub: '1', email: 'other@example.com', email_verified: true, groups: ['staff'] }
  expect(joined(idToken, userInfo)).toEqual({ sub: '1', email: 'ada@corp.com', groups: ['staff'] })
  expect(joined({ sub: '1', email_verified: true }, userInfo)).toEqual({
    sub: '1',
    email_verified: true,
    groups: ['staff'],
  })
  expect(joined({ sub: '1' }, userInfo)).toEqual(userInfo)
})

it('verifies no address that UserInfo names by what an ID token said of another', () => {
  const before = {
    claims: { sub: '1', email: 'ada@corp.com', email_verified: true },
    userInfo: [],
    signedInAt: NOW - 60,
  }
  const { claims } = retold(before, { sub: '1', email: 'boss@corp.com' }, NOW, () => [])
  expect(claims).toEqual({ sub: '1', email: 'boss@corp.com' })
})
