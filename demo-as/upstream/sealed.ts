import { createCipheriv, createDecipheriv, createSecretKey, hash, randomBytes } from 'node:crypto'

/** Encrypts what is kept, so that a copy of the database is of no use by itself. */
export interface Seal {
  /** @param place - Where the text will stand: it can be read nowhere else. */
  seal(text: string, place: string): string
  /** @returns `undefined` for what was sealed with another key, for another place, or changed. */
  open(sealed: string, place: string): string | undefined
  /** Whether it was sealed with the key in use, and not with one of before. */
  isCurrent(sealed: string): boolean
}

/**
 * AES-256-GCM with rotating keys.
 *
 * @param keys - 32 bytes each. The first one seals; the others still open what they sealed.
 */
export function createSeal(keys: readonly [Buffer, ...Buffer[]]): Seal {
  // Of bytes, a cipher finds out at a cost that they are no key object.
  const entries = keys.map(key => [idOf(key), createSecretKey(key)] as const)
  const byId = new Map(entries)
  const [[currentId, current]] = entries as [(typeof entries)[number]]

  return {
    seal(text, place) {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', current, iv).setAAD(Buffer.from(place))
      const data = Buffer.concat([iv, cipher.update(text), cipher.final(), cipher.getAuthTag()])
      return `${currentId}.${data.toString('base64url')}`
    },

    isCurrent: sealed => sealed.startsWith(`${currentId}.`),

    open(sealed, place) {
      const [id = '', encoded = ''] = sealed.split('.')
      const key = byId.get(id)
      const data = Buffer.from(encoded, 'base64url')
      if (!key || data.length < IV_BYTES + TAG_BYTES) return undefined
      const decipher = createDecipheriv('aes-256-gcm', key, data.subarray(0, IV_BYTES))
        .setAAD(Buffer.from(place))
        .setAuthTag(data.subarray(-TAG_BYTES))
      try {
        return decipher.update(data.subarray(IV_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
      } catch {
        return undefined
      }
    },
  }
}

const IV_BYTES = 12
const TAG_BYTES = 16

const KEY_ID = Buffer.from('idplug key id')
const idOf = (key: Buffer) => hash('sha256', Buffer.concat([KEY_ID, key]), 'hex').slice(0, 8)
