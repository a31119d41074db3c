import { parse } from 'csv-parse/sync'
import type { IdentityLink } from 'idplug'
import { readTextFile } from 'idplug/internal'
import type { UserRecord, UserSource } from './user-file.ts'

/** One side of the move: its list of users, and how its tokens name them. */
export interface UserList {
  readonly source: UserSource
  /** `iss` of its tokens, byte for byte. */
  readonly issuer: string
  /** Put before every id to make the subject of tokens. Default: nothing. */
  readonly subjectPrefix?: string
  /** Whether the operator vouches for all addresses of the list. Default: only those count that the list calls verified. */
  readonly vouched?: boolean
}

export interface LinkingResult {
  readonly links: readonly IdentityLink[]
  /** Users of the former provider who got no link. */
  readonly notLinked: readonly { id: string; reason: string }[]
}

/** Says who of one list is who of the other by the e-mail address, where both sides have verified it and it is one person's on each. */
export async function linkByEmail(former: UserList, current: UserList): Promise<LinkingResult> {
  const there = await usersByAddress(current)
  const here = await usersByAddress(former)
  const links: IdentityLink[] = []
  const notLinked: { id: string; reason: string }[] = []
  for await (const { entry } of former.source.read()) {
    if ('problem' in entry) {
      notLinked.push({ id: `row ${entry.row}`, reason: entry.problem })
      continue
    }
    const match = matchFor(entry, former, here, there)
    if (typeof match === 'string') notLinked.push({ id: entry.id, reason: match })
    else links.push({ former: identityOf(former, entry.id), current: identityOf(current, match.id) })
  }
  return { links, notLinked }
}

/**
 * Links as a CSV with the columns `old_subject` and `new_subject` has them, a row each.
 *
 * @throws {RangeError} The file has other columns.
 */
export async function linkPairs(
  path: string,
  former: Pick<UserList, 'issuer'>,
  current: Pick<UserList, 'issuer' | 'subjectPrefix'>,
): Promise<LinkingResult> {
  const rows: { old_subject?: string; new_subject?: string }[] = parse(readTextFile(path), {
    columns: true,
    skip_empty_lines: true,
  })
  const links = rows.map(({ old_subject, new_subject }, index) => {
    if (!old_subject || !new_subject)
      throw new RangeError(`${path}: pair ${index + 1} lacks old_subject or new_subject`)
    return { former: identityOf(former, old_subject), current: identityOf(current, new_subject) }
  })
  return { links, notLinked: [] }
}

interface AddressHolders {
  id: string
  count: number
  verified: boolean
}

type Holders = ReadonlyMap<string, AddressHolders>

async function usersByAddress({ source, vouched }: UserList): Promise<Holders> {
  const holders = new Map<string, AddressHolders>()
  for await (const { entry } of source.read()) {
    const address = 'problem' in entry ? undefined : comparable(entry.email)
    if (address === undefined || 'problem' in entry) continue
    const known = holders.get(address)
    if (known) known.count++
    else holders.set(address, { id: entry.id, count: 1, verified: vouched || entry.emailVerified })
  }
  return holders
}

function matchFor(user: UserRecord, former: UserList, here: Holders, there: Holders): AddressHolders | string {
  if (user.email === undefined) return 'has no e-mail address'
  const address = comparable(user.email)
  if (address === undefined) return 'has an e-mail address that cannot be compared safely: one @, letters of ASCII only'
  if (!former.vouched && !user.emailVerified) return 'has an e-mail address that the former provider has not verified'
  if ((here.get(address)?.count ?? 0) > 1) return 'shares the e-mail address with others at the former provider'
  const match = there.get(address)
  if (!match) return 'has no counterpart: nobody at the new provider has the e-mail address'
  if (match.count > 1) return 'has an e-mail address that several have at the new provider'
  if (!match.verified) return 'has an e-mail address that the new provider has not verified'
  return match
}

/** Letters that look alike, or several @, have let strangers in elsewhere. */
function comparable(email: string | undefined): string | undefined {
  return email !== undefined && /^[!-?A-~]+@[!-?A-~]+$/.test(email) ? email.toLowerCase() : undefined
}

function identityOf({ issuer, subjectPrefix = '' }: Pick<UserList, 'issuer' | 'subjectPrefix'>, id: string) {
  return { issuer, subject: subjectPrefix + id }
}
