import { expect, it } from 'vitest'
import { checks } from '../../../app/conformance/checks/index.ts'
import { withBroadScope } from './defects/scopes.ts'
import { notPassed, runKit, skippedChecks, told } from './kit.ts'

const DPOP = Array.from({ length: 16 }, (_, i) => `D${String(i + 1).padStart(2, '0')}`)
/** The server of these tests has no such scopes, and signs no metadata. */
const ABSENT = ['S07', 'P27']
const INTROSPECTION_ONLY = ['V21', 'V22', 'V23', 'O03', 'O04']
const JWT_ONLY = [
  ...['V03', 'V06', 'V07', 'V08', 'V09', 'V10', 'V11', 'V12', 'V13', 'V14', 'V15', 'V16', 'V17', 'V19', 'V27'],
  ...['O01', 'O02'],
]

/** A thousand requests take their time: `npm run test:conformance`. */
const QUICK = checks.map(({ id }) => id).filter(id => id !== 'B11')

it.each([
  { mode: 'introspection', dpop: 'off', skips: [...ABSENT, ...JWT_ONLY, ...DPOP, 'P20'] },
  { mode: 'jwt', dpop: 'optional', nonce: 'n-1', skips: [...ABSENT, ...INTROSPECTION_ONLY] },
  ...(process.env.ALL_VARIANTS
    ? [{ mode: 'jwt', dpop: 'off', skips: [...ABSENT, ...INTROSPECTION_ONLY, ...DPOP, 'P20'] } as const]
    : []),
] as const)(
  'an honest server passes every check that applies: $mode, DPoP $dpop',
  async ({ skips, ...options }) => {
    const results = await runKit({ ...options, only: QUICK })
    expect(notPassed(results), told(results)).toEqual([])
    expect(new Set(skippedChecks(results)), told(results)).toEqual(new Set(skips))
  },
  600_000,
)

it('a scope that implies the others passes S07', async () => {
  const plant = withBroadScope((_needed, scopes) => scopes.includes('files:all'))
  const [result] = await runKit({ only: ['S07'] }, plant)
  expect(result).toMatchObject({ verdict: 'pass', because: 'files:all implies files:read files:write' })
})
