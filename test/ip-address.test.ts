import { expect, test } from 'vitest'
import { isWithin, networkOf, parseIpAddress, parseIpRange } from '../src/ip-address.ts'

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['192.0.2.1', '::ffff:192.0.2.1'],
  ['192.0.2.1', '::FFFF:c000:201'],
  ['2001:db8::1', '2001:0db8:0:0:0:0:0:1'],
  ['2001:db8::1', '2001:DB8::1%eth0'],
  ['::', '0:0:0:0:0:0:0:0'],
])('%s and %s are the same address', (a, b) => {
  expect(parseIpAddress(a)).toBeDefined()
  expect(parseIpAddress(a)).toEqual(parseIpAddress(b))
})

test.each([
  '',
  'localhost',
  '192.0.2',
  '192.0.2.256',
  '192.0.2.1.1',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1::2::3',
  '1:2:3:4:5:6:7:8::',
  ':1:2',
  '12345::',
  '192.0.2.1:80',
  '::192.0.2.300',
  '192.0.2.1::',
  '010.0.0.1',
  '192.0.2.1%eth0',
  '2001:db8::1%',
])('%j is not an address', text => {
  expect(parseIpAddress(text)).toBeUndefined()
})

test.each([
  ['10.255.0.1', '10.0.0.0/8', true],
  ['::ffff:10.255.0.1', '10.0.0.0/8', true],
  ['11.0.0.1', '10.0.0.0/8', false],
  ['192.0.2.1', '192.0.2.1', true],
  ['192.0.2.2', '192.0.2.1', false],
  ['192.0.2.2', '0.0.0.0/0', true],
  ['2001:db8::1', '0.0.0.0/0', false],
  ['2001:db8:1:2::3', '2001:db8::/33', true],
  ['2001:db8:8000::3', '2001:db8::/33', false],
  ['2001:db8::1', '::/0', true],
])('%s is within %s: %j', (address, range, expected) => {
  const parsed = parseIpRange(range) ?? expect.fail('no range')
  expect(isWithin(parseIpAddress(address) ?? expect.fail('no address'), parsed)).toBe(expected)
})

test.each(['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/8/8', 'proxy/8', ''])('%j is not a range', text => {
  expect(parseIpRange(text)).toBeUndefined()
})

test('an IPv4 address stands for itself, an IPv6 address for its /64', () => {
  expect(networkOf('192.0.2.1')).toBe(networkOf('::ffff:192.0.2.1'))
  expect(networkOf('192.0.2.1')).not.toBe(networkOf('192.0.2.2'))
  expect(networkOf('2001:db8::1')).toBe(networkOf('2001:db8:0:0:ffff::2'))
  expect(networkOf('2001:db8::1')).not.toBe(networkOf('2001:db8:0:1::1'))
  expect(networkOf('unix')).toBe('unix')
})
