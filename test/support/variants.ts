import { expect, test } from 'vitest'
import type { Emulator } from '../../emulators/core/emulator.ts'
import { type DocumentName, type OptionalMember, optionalMembers } from '../../emulators/core/optional-members.ts'
import type { Variant } from '../../emulators/core/variant.ts'
import { AuthorizationError, ValidatorUnavailableError } from '../../src/errors.ts'
import {
  type ContractSetup,
  describeTokenValidator,
  type JwtProvider,
  type OpaqueProvider,
} from '../../src/testing/contract.ts'
import { signJwt } from '../../src/testing/sign-jwt.ts'

/** Whether every variant is tried, as in the nightly run, or those that say most in the least time. */
export const ALL_VARIANTS = process.env.ALL_VARIANTS === 'yes'

/** The optional members of some documents. */
export function membersOf(...documents: readonly DocumentName[]): OptionalMember[] {
  return [...optionalMembers.keys()].filter(member => documents.some(document => member.startsWith(`${document}.`)))
}

/** Each member alone, all at once, and each pair of those that one reader reads. */
export function omissionsOf(
  members: readonly OptionalMember[],
  read: readonly OptionalMember[] = members,
): OptionalMember[][] {
  const pairs = read.flatMap((one, index) => read.slice(index + 1).map(other => [one, other]))
  return [...members.map(member => [member]), [...members], ...pairs]
}

export const labelOf = (omit: readonly string[]) =>
  omit.length > 2 ? `without ${omit.length} optional members` : `without ${omit.join(' and ')}`

let current: Variant = {}

/** An emulator as the variant has it that is being tried. */
export function varied<E extends Emulator>(emulator: E): E {
  emulator.vary(current)
  return emulator
}

async function under<T>(variant: Variant, call: () => Promise<T>): Promise<T> {
  current = variant
  try {
    return await call()
  } finally {
    current = {}
  }
}

interface Read {
  /** What the provider may leave out of the documents that the validator is given. */
  members: readonly OptionalMember[]
  /** Those of them that the validator looks at. */
  read: readonly OptionalMember[]
  /** Those without which it lets nobody in, by its options. */
  needed?: readonly OptionalMember[]
  /** Refused tokens, by their names in the setup, that are told by nothing but this member. */
  toldBy?: Readonly<Record<string, OptionalMember>>
}

/** The contract of a validator, over the variants of its provider; `setup` makes its emulators by {@link varied}. */
export function describeOverVariants(
  name: string,
  setup: ContractSetup,
  { members, read, needed = [], toldBy = {} }: Read,
): void {
  const start: () => Promise<JwtProvider | OpaqueProvider> = setup.start
  const optional = members.filter(member => !needed.includes(member))
  const omissions = omissionsOf(
    optional,
    read.filter(member => optional.includes(member)),
  )

  async function without(omit: readonly OptionalMember[]) {
    const provider = await under({ omit }, start)
    const told = Object.entries(provider.refused).filter(([label]) => !omit.some(member => member === toldBy[label]))
    return { ...provider, refused: Object.fromEntries(told) as typeof provider.refused }
  }

  describeTokenValidator(name, setup)
  // Keys are made anew for every test, which takes its time.
  const quick = setup.tokens === 'jwt' ? [] : [optional]
  for (const omit of ALL_VARIANTS ? omissions : quick) {
    describeTokenValidator(`${name} ${labelOf(omit)}`, { ...setup, start: () => without(omit) } as ContractSetup)
  }

  const isRead = (omit: readonly OptionalMember[]) => omit.every(member => read.includes(member))
  const tried = setup.tokens === 'jwt' ? [optional, ...omissions.filter(isRead)] : omissions
  // The whole contract holds more.
  if (!ALL_VARIANTS) {
    test(`${name} decides alike whatever its provider leaves out`, { timeout: 600_000 }, async () => {
      for (const omit of tried) {
        const provider = await without(omit)
        const validator = validatorOf(provider)
        for (const token of goodOf(provider)) {
          await expect(validator.validate(token), labelOf(omit)).resolves.toHaveProperty('subject')
        }
        for (const [label, refused] of Object.entries(provider.refused)) {
          if (!('token' in refused)) continue
          await expect(validator.validate(refused.token), `${label} ${labelOf(omit)}`).rejects.toMatchObject({
            reason: { kind: refused.reason },
          })
        }
      }
    })
  }

  test.each(needed)(`${name} lets nobody in without %s, and says why`, async member => {
    const provider = await without([member])
    for (const token of goodOf(provider)) {
      const error = await validatorOf(provider)
        .validate(token)
        .catch((error: unknown) => error)
      expect(error).toBeInstanceOf(AuthorizationError)
      // A matter of the token or of the settings; not of waiting.
      expect(error).not.toBeInstanceOf(ValidatorUnavailableError)
    }
  })
}

type Provider = Omit<JwtProvider, 'refused' | 'good'> | Omit<OpaqueProvider, 'refused' | 'good'>

const validatorOf = ({ resource, now, fetch, createValidator }: Provider) =>
  createValidator({ resource, now: () => now, fetch })

function goodOf(provider: Provider & Pick<JwtProvider | OpaqueProvider, 'good'>): string[] {
  return provider.good.map(token => {
    if (typeof token === 'string') return token
    return signJwt(token.header, token.claims, (provider as JwtProvider).privateKey())
  })
}
