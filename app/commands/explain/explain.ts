import { AuthorizationError, type RefusalReason, type TokenValidator } from 'idplug'
import { clip } from 'idplug/internal'
import { jsonObject } from '../../json-object.ts'
import { clockMeaning } from './clock.ts'
import { nearMiss } from './near-miss.ts'
import { type Meaning, meaningOf } from './reasons.ts'
import { type OurSide, type Sides, sidesOf } from './sides.ts'

/** One rule of the server, in the order in which they are looked at. */
export interface RuleVerdict {
  readonly rule: RuleName
  readonly expected: string
  /** {@link NOT_KNOWN} where only the provider could tell, and did not. */
  readonly seen: string
  /** `undefined`: not looked at, because an earlier rule had decided. */
  readonly passed: boolean | undefined
}

export type RuleName = (typeof RULES)[number]

export interface Explanation {
  /** The server's own. `undecided`: the provider could not be asked, or the settings are wrong. */
  readonly verdict: 'accepted' | 'refused' | 'undecided'
  readonly form: 'JWT' | 'JWE' | 'opaque'
  /** Decoded, not verified; empty for opaque tokens. The signature is not part of it. */
  readonly header: Claims
  readonly claims: Claims
  readonly rules: readonly RuleVerdict[]
  /** `kind` of the reason; absent where the token is accepted. */
  readonly reason?: string
  readonly meaning?: Meaning
  /** How little the token differs from one that would have passed. Absent: it is not near, or nothing is compared. */
  readonly nearMiss?: string
  /** What can be changed on either side. Absent: the cure of the meaning is all there is. */
  readonly sides?: Sides
}

/** What is seen of a token that only the provider can read. */
export const NOT_KNOWN = 'not known'

type Claims = Readonly<Record<string, unknown>>

/** As the validators go through them (src/validators/jwt.ts, claims.ts). */
const RULES = [
  'form',
  'algorithm',
  'type',
  'issuer',
  'key',
  'signature',
  'kind',
  'binding',
  'audience',
  'client',
  'lifetime',
  'claims',
] as const

/** The rule that a reason belongs to. Reasons of adapters follow below. */
const RULE_OF: Readonly<Record<string, RuleName>> = {
  token_malformed: 'form',
  token_encrypted: 'form',
  token_opaque: 'form',
  algorithm_refused: 'algorithm',
  header_unsupported: 'type',
  type_mismatch: 'type',
  issuer_mismatch: 'issuer',
  issuer_unknown: 'issuer',
  key_unknown: 'key',
  key_mismatch: 'key',
  signature_invalid: 'signature',
  id_token: 'kind',
  maybe_id_token: 'kind',
  inactive: 'signature',
  sender_constrained: 'binding',
  audience_missing: 'audience',
  audience_mismatch: 'audience',
  client_refused: 'client',
  expired: 'lifetime',
  not_yet_valid: 'lifetime',
  issued_in_future: 'lifetime',
  subject_missing: 'claims',
  claim_missing: 'claims',
  claim_invalid: 'claims',
}
const RULE_OF_ADAPTERS: readonly [pattern: RegExp, rule: RuleName][] = [
  [/opaque|encrypted|no_api_requested/, 'form'],
  [/key_of_other_issuer/, 'key'],
  [/tenant|domain|org_token|v1_token|issuer/, 'issuer'],
  [/audience|other_api|management_api|microsoft_api/, 'audience'],
]

/** Claims that are looked at before others, and the rule that they belong to. */
const RULE_OF_CLAIM: Readonly<Record<string, RuleName>> = {
  iss: 'issuer',
  aud: 'audience',
  client_id: 'client',
  exp: 'lifetime',
  nbf: 'lifetime',
  iat: 'lifetime',
}

export interface ExplainContext {
  /** The server's own validator; what it decides is what is told. */
  readonly validator: TokenValidator
  readonly resource: string
  /** Milliseconds since the Unix epoch. */
  readonly now: number
  /** What an introspection endpoint answered about the token, once it was asked. Default: nothing is introspected. */
  readonly answer?: () => Claims | undefined
  /** How far the clock of this machine is ahead of the provider's, in seconds, once it was asked. Default: not known. */
  readonly clockAhead?: () => number | undefined
  /** The provider whose token it is, by its issuer. Default: not known. */
  readonly configuredFor?: (issuer: unknown) => OurSide['configured']
}

/**
 * Says what the server does with a token, rule by rule, and why.
 *
 * @param token - Raw access token, without the `Bearer` prefix. No part of its signature gets into the answer.
 */
export async function explainToken(token: string, context: ExplainContext): Promise<Explanation> {
  const parts = token.split('.')
  const header = decode(parts.length >= 3 ? parts[0] : undefined)
  const decoded = decode(parts.length === 3 ? parts[1] : undefined)
  const form = parts.length === 5 ? 'JWE' : Object.keys(header).length > 0 && parts.length === 3 ? 'JWT' : 'opaque'
  try {
    const accepted = await context.validator.validate(token)
    const introspected = context.answer?.() !== undefined
    const rules = verdicts({ header, claims: accepted.claims, form, introspected, context })
    return { verdict: 'accepted', form, header, claims: accepted.claims, rules }
  } catch (error) {
    if (!(error instanceof AuthorizationError)) throw error
    const { kind, ...facts } = error.reason as RefusalReason
    const answer = context.answer?.()
    const claims = answer ?? decoded
    const undecided = error.status !== 401
    const failed = undecided ? undefined : { rule: ruleOf(error.reason), reason: error.reason }
    const meaning = (failed?.rule === 'lifetime' && clockMeaning(context.clockAhead?.())) || meaningOf(kind, facts)
    return {
      verdict: undecided ? 'undecided' : 'refused',
      form,
      header,
      claims,
      rules: undecided ? [] : verdicts({ header, claims, form, introspected: answer !== undefined, context, failed }),
      reason: kind,
      meaning,
      ...(failed && comparisonOf(failed, { header, claims, context, cure: meaning.cure })),
    }
  }
}

/** What a rule compared, where it compares something of the token with a setting. */
function comparisonOf(
  { rule, reason }: { rule: RuleName; reason: RefusalReason },
  { header, claims, context, cure }: { header: Claims; claims: Claims; context: ExplainContext; cure: string },
): Pick<Explanation, 'nearMiss' | 'sides'> {
  const { resource, validator } = context
  const said = reason as { actual?: unknown; expected?: unknown }
  const ofToken = { audience: claims.aud, issuer: claims.iss, client: clientOf(claims), algorithm: header.alg }
  const ofServer = { audience: [resource], issuer: validator.issuers, client: [], algorithm: [] }
  if (!(rule in ofToken)) return {}
  const actual = textsOf(said.actual ?? ofToken[rule as keyof typeof ofToken])
  const expected = textsOf(said.expected ?? ofServer[rule as keyof typeof ofServer])
  const near = rule === 'algorithm' ? undefined : nearMiss(actual, expected)
  const sides = sidesOf(rule, actual, cure, { resource, configured: context.configuredFor?.(claims.iss) })
  return { ...(near && { nearMiss: near }), ...(sides && { sides }) }
}

const textsOf = (value: unknown) => [value].flat().filter(item => typeof item === 'string')

const clientOf = (claims: Claims) => claims.client_id ?? claims.azp ?? claims.cid

function ruleOf(reason: RefusalReason): RuleName {
  const claim = 'claim' in reason ? RULE_OF_CLAIM[reason.claim] : undefined
  const known = claim ?? RULE_OF[reason.kind]
  if (known) return known
  return RULE_OF_ADAPTERS.find(([pattern]) => pattern.test(reason.kind))?.[1] ?? 'kind'
}

interface Facts {
  readonly header: Claims
  readonly claims: Claims
  readonly form: Explanation['form']
  /** Whether the answer of an endpoint decided, whatever the form. */
  readonly introspected: boolean
  readonly context: ExplainContext
  readonly failed?: { readonly rule: RuleName; readonly reason: RefusalReason }
}

/** Everything before the rule that failed has passed; what comes after was not looked at. */
function verdicts(facts: Facts): RuleVerdict[] {
  const { failed } = facts
  const end = failed ? RULES.indexOf(failed.rule) : RULES.length
  const asked = facts.introspected || facts.form === 'opaque'
  const applicable = RULES.filter(rule => !asked || OPAQUE_RULES.has(rule) || rule === failed?.rule)
  return applicable.map(rule => {
    const index = RULES.indexOf(rule)
    const passed = index < end ? true : index === end ? false : undefined
    const { expected, seen: described } = describeRule(rule, facts)
    const isUnread = Object.keys(facts.claims).length === 0 && RULES_OF_CLAIMS.has(rule)
    const seen = isUnread ? NOT_KNOWN : described
    if (passed !== false || !failed) return { rule, expected, seen, passed }
    return { rule, ...wordsOf(failed.reason, expected, seen), passed }
  })
}

/** Rules that an opaque token can meet: the provider's answer takes the place of key and signature. */
const OPAQUE_RULES = new Set<RuleName>(['signature', 'kind', 'binding', 'audience', 'client', 'lifetime', 'claims'])

const RULES_OF_CLAIMS = new Set<RuleName>(['issuer', 'binding', 'audience', 'client', 'lifetime', 'claims'])

/** What the refusal itself expected and saw, where it says so. */
function wordsOf(reason: RefusalReason, expected: string, seen: string): { expected: string; seen: string } {
  const said = reason as {
    expected?: unknown
    actual?: unknown
    detail?: unknown
    keyId?: unknown
    claim?: unknown
    personalClaim?: unknown
  }
  const person = said.personalClaim === undefined ? '' : `, and ${said.personalClaim} points to a person`
  const actual = said.actual ?? said.detail ?? (said.claim === undefined ? undefined : `no ${said.claim}${person}`)
  return {
    expected: said.expected === undefined ? expected : textOf(said.expected),
    seen: actual === undefined ? seen : textOf(actual),
  }
}

function describeRule(
  rule: RuleName,
  { header, claims, form, introspected, context }: Facts,
): { expected: string; seen: string } {
  const { validator, resource, now } = context
  switch (rule) {
    case 'form':
      return { expected: 'a token that this server can read', seen: form }
    case 'algorithm':
      return { expected: 'an asymmetric algorithm that is accepted', seen: textOf(header.alg) }
    case 'type':
      return { expected: 'a header of an access token', seen: `typ ${textOf(header.typ)}` }
    case 'issuer':
      return { expected: validator.issuers.join(' or '), seen: textOf(claims.iss) }
    case 'key':
      return { expected: 'a key that the provider publishes', seen: `kid ${textOf(header.kid)}` }
    case 'signature':
      return introspected || form === 'opaque'
        ? { expected: 'a token that the provider stands for', seen: 'the answer of the provider' }
        : { expected: 'made with that key', seen: 'header and claims' }
    case 'kind':
      return { expected: 'an access token, by the rules of the provider', seen: 'its claims' }
    case 'binding':
      return { expected: 'no cnf: a bearer token', seen: `cnf ${textOf(claims.cnf)}` }
    case 'audience':
      return { expected: `a token for ${resource}`, seen: `aud ${textOf(claims.aud)}` }
    case 'client':
      return { expected: 'a client that may call', seen: textOf(clientOf(claims)) }
    case 'lifetime':
      return { expected: `valid at ${timeOf(now / 1000)}`, seen: lifetimeOf(claims) }
    case 'claims':
      return { expected: 'a subject, and claims of the right form', seen: `sub ${textOf(claims.sub)}` }
  }
}

function lifetimeOf({ nbf, iat, exp }: Claims): string {
  const from = nbf ?? iat
  return `${typeof from === 'number' ? `from ${timeOf(from)} ` : ''}until ${typeof exp === 'number' ? timeOf(exp) : '(absent)'}`
}

/** ISO 8601 without fractions. Claims can hold any number. */
function timeOf(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime())
    ? String(seconds)
    : date
        .toISOString()
        .replace('.000Z', 'Z')
        .replace(/\.\d+Z/, 'Z')
}

function textOf(value: unknown): string {
  return clip(Array.isArray(value) ? value.join(', ') : value)
}

function decode(part: string | undefined): Claims {
  return jsonObject(Buffer.from(part ?? '', 'base64url').toString()) ?? {}
}
