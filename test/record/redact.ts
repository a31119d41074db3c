import {
  createHash,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { compactVerify, importJWK, type JWK } from 'jose'
import { encodePart, type JsonObject, signJwt } from '../../src/testing/sign-jwt.ts'
import type { RecordedProvider } from './declaration.ts'
import type { Exchange } from './recording.ts'

/** What was seen at a tenant, as it was. */
export interface Captured {
  settings: Readonly<Record<string, string>>
  tokens: Readonly<Record<string, string>>
  exchanges: readonly Exchange[]
}

export interface RedactionRules extends Pick<RecordedProvider, 'tokenPrefix' | 'personalMembers' | 'impersonal'> {
  secrets: readonly string[]
  rename: readonly (readonly [from: string, to: string])[]
}

const PERSONAL = new Set(
  'sub email name given_name family_name middle_name nickname preferred_username username user_name user_id login upn unique_name phone_number picture profile website gender birthdate address uid oid hd avatar_url html_url ipaddr ip jti sid'.split(
    ' ',
  ),
)
const CLIENT_MEMBERS = ['client_id', 'azp', 'appid', 'cid']
/** Answer headers that validation may depend on; the others go, cookies among them. */
const HEADERS = /^(content-type|cache-control|retry-after|x-ratelimit-\w+|x-oauth-scopes)$/
/** A shorter text could stand in others by chance; it is replaced only where it is the whole value. */
const LEAST_LENGTH = 5

/**
 * Puts stand-ins for tokens, secrets and personal data. Stand-ins have the shape of what they stand for, and equal values have
 * equal ones, wherever they are.
 *
 * Signed tokens are signed again with keys made for the recording, which also replace those in the key sets: header and claims
 * keep their shape and the signature can be verified, but nothing in the recording was ever good anywhere.
 *
 * @throws {Error} Something of the original is still there.
 */
export async function redact(captured: Captured, rules: RedactionRules): Promise<Captured> {
  const isPersonalMember = (member: string) => PERSONAL.has(member) || rules.personalMembers?.includes(member) === true
  const scramble = createScrambler()
  const keys = createKeyReplacer(captured.exchanges)
  const replaced = new Map<string, string>(rules.rename)

  function isPersonal(member: string, value: unknown, parent: JsonObject): value is string | number {
    if (typeof value !== 'string' && typeof value !== 'number') return false
    return isPersonalMember(member) && !CLIENT_MEMBERS.some(client => parent[client] === value)
  }

  function standIn(value: string): string {
    const kept = rules.impersonal?.exec(value)?.[0] ?? /^https?:\/\/[^/]+\/?/.exec(value)?.[0] ?? ''
    return kept + scramble(value.slice(kept.length))
  }

  /** Notes the personal texts in a JSON value. */
  function collect(value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    for (const [member, item] of Object.entries(value)) {
      collect(item)
      if (!isPersonal(member, item, value as JsonObject)) continue
      const text = String(item)
      if (text.length >= LEAST_LENGTH && standIn(text) !== text) replaced.set(text, standIn(text))
    }
  }

  function rewrite(value: unknown): unknown {
    if (typeof value === 'string') return replaceAll(value, replaced)
    if (typeof value === 'number') return Number(replaced.get(String(value)) ?? value)
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(rewrite)
    const rewritten = Object.fromEntries(
      Object.entries(value).map(([member, item]) => {
        if (!isPersonal(member, item, value as JsonObject)) return [member, rewrite(item)]
        return [member, typeof item === 'string' ? standIn(item) : Number(standIn(String(item)))]
      }),
    )
    return 'kty' in value ? keys.replace(rewritten) : rewritten
  }

  async function redactToken(token: string): Promise<string> {
    const parts = token.split('.')
    const header = parse(parts[0])
    if (header && parts.length === 5) return [encodePart(rewrite(header)), ...parts.slice(1).map(scramble)].join('.')
    const claims = parse(parts[1])
    if (!header || !claims || parts.length !== 3) {
      const prefix = rules.tokenPrefix?.exec(token)?.[0] ?? ''
      return prefix + scramble(token.slice(prefix.length))
    }
    return signJwt(rewrite(header) as JsonObject, rewrite(claims) as JsonObject, await keys.signerOf(token, header))
  }

  for (const secret of rules.secrets) replaced.set(secret, scramble(secret))
  for (const { body, response } of captured.exchanges) {
    collect(body)
    collect(response)
  }
  for (const token of Object.values(captured.tokens)) collect(parse(token.split('.')[1]))
  const originals = [...replaced.keys()]

  const tokens: Record<string, string> = {}
  for (const [label, token] of Object.entries(captured.tokens)) {
    tokens[label] = await redactToken(token)
    replaced.set(token, tokens[label])
    // Header and claims may be as they were; what makes them a token may not.
    originals.push(token, ...token.split('.').slice(2))
  }
  for (const [from, to] of [...replaced]) replaced.set(encodeURIComponent(from), encodeURIComponent(to))

  const result = {
    settings: rewrite(captured.settings) as Record<string, string>,
    tokens,
    exchanges: captured.exchanges.map(exchange => redactExchange(exchange, rewrite)),
  }
  refuseLeaks(JSON.stringify(result), originals, Object.values(tokens))
  return result
}

function redactExchange(exchange: Exchange, rewrite: (value: unknown) => unknown): Exchange {
  const { scope, path, method, body, status, response, rawHeaders } = exchange
  const url = new URL(rewrite(new URL(path, scope).href) as string)
  const headers = Object.entries(rawHeaders).filter(([name]) => HEADERS.test(name.toLowerCase()))
  return {
    scope: url.origin,
    method,
    path: url.pathname + url.search,
    body: rewrite(body),
    status,
    response: rewrite(response),
    rawHeaders: Object.fromEntries(headers),
  }
}

function refuseLeaks(text: string, originals: readonly string[], tokens: readonly string[]): void {
  const claims = tokens.map(token => JSON.stringify(parse(token.split('.')[1]) ?? ''))
  const everything = [text, ...claims].join('\n')
  if (originals.some(original => original.length >= LEAST_LENGTH && everything.includes(original))) {
    throw new Error('the recording would still hold a token, a secret, personal data or the address of the tenant')
  }
  // A token inside an answer, that nobody has said anything about.
  for (const [found] of text.matchAll(/eyJ[\w-]{10,}\.[\w-]*\.[\w.-]*/g)) {
    if (!tokens.includes(found)) throw new Error('an answer holds a JWT that is not among the tokens of the recording')
  }
}

/** All occurrences in one pass, the longest first: what was put in is not looked at again. */
function replaceAll(text: string, replaced: ReadonlyMap<string, string>): string {
  const whole = replaced.get(text)
  if (whole !== undefined || replaced.size === 0) return whole ?? text
  const longestFirst = [...replaced.keys()].sort((a, b) => b.length - a.length)
  const pattern = longestFirst.map(original => original.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
  return text.replace(new RegExp(pattern, 'g'), found => replaced.get(found) ?? found)
}

const ALPHABETS = ['0123456789', 'abcdef', 'ghijklmnopqrstuvwxyz', 'ABCDEF', 'GHIJKLMNOPQRSTUVWXYZ']

/** Words become other words of their shape, equal ones the same; what is hexadecimal stays so. Cannot be undone. */
function createScrambler(): (text: string) => string {
  const salt = randomBytes(32)
  const scrambleWord = (word: string) => {
    const bytes = createHash('shake256', { outputLength: word.length }).update(salt).update(word).digest()
    const other = (character: string, index: number) => {
      const alphabet = ALPHABETS.find(characters => characters.includes(character)) ?? character
      return alphabet[(bytes[index] ?? 0) % alphabet.length]
    }
    const scrambled = [...word].map(other).join('')
    return /^[1-9]\d*$/.test(word) ? scrambled.replace(/^0/, '1') : scrambled
  }
  return text => text.replace(/[A-Za-z0-9]+/g, scrambleWord)
}

function createKeyReplacer(exchanges: readonly Exchange[]) {
  const published = exchanges.flatMap(({ response }) => {
    const { keys } = (response ?? {}) as { keys?: unknown }
    return Array.isArray(keys) ? (keys as JsonObject[]) : []
  })
  const made = new Map<string, KeyObject>()

  function keyFor(jwk: JsonObject): KeyObject {
    const id = `${jwk.kid} ${jwk.kty} ${jwk.crv}`
    const key = made.get(id) ?? generate(jwk)
    made.set(id, key)
    return key
  }

  return {
    replace(jwk: JsonObject): JsonObject {
      if (!['RSA', 'EC', 'OKP'].includes(String(jwk.kty))) return jwk
      const { kty: _kty, ...fresh } = createPublicKey(keyFor(jwk)).export({ format: 'jwk' })
      const certificate = jwk.x5c === undefined ? {} : { x5c: ['cmVkYWN0ZWQ='] }
      return { ...jwk, ...fresh, ...certificate }
    },
    /** The key that replaces the one that a token is signed with; one that nobody knows where that is not published. */
    async signerOf(token: string, header: JsonObject): Promise<KeyObject> {
      const jwk = published.find(({ kid }) => kid === header.kid)
      if (jwk && (await verifies(token, jwk, String(header.alg)))) return keyFor(jwk)
      return String(header.alg).startsWith('HS') ? createSecretKey(randomBytes(64)) : generate(keyTypeOf(header))
    },
  }
}

async function verifies(token: string, jwk: JsonObject, alg: string): Promise<boolean> {
  try {
    await compactVerify(token, await importJWK(jwk as JWK, alg))
    return true
  } catch {
    return false
  }
}

function keyTypeOf({ alg }: JsonObject): JsonObject {
  if (alg === 'EdDSA') return { kty: 'OKP' }
  return String(alg).startsWith('ES') ? { kty: 'EC', crv: alg === 'ES384' ? 'P-384' : 'P-256' } : { kty: 'RSA' }
}

function generate({ kty, crv }: JsonObject): KeyObject {
  if (kty === 'EC') return generateKeyPairSync('ec', { namedCurve: String(crv) }).privateKey
  if (kty === 'OKP') return generateKeyPairSync('ed25519').privateKey
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
}

function parse(part: string | undefined): JsonObject | undefined {
  try {
    const value = JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as unknown
    return typeof value === 'object' && value !== null ? (value as JsonObject) : undefined
  } catch {
    return undefined
  }
}
