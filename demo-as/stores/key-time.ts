import { nowSeconds } from '../clock.ts'

/** Eight hexadecimal digits last until 2106. A tilde may stand in a token (RFC 6750 §2.1), and does not in one of oidc-provider. */
const TIME = /^([0-9a-f]{8})~/

/**
 * A key that begins with the time, which is no secret. For what is made all the time: a store that keeps its entries in order adds such
 * keys at one place, where those without a time would each be in a page of their own, of as many as there are.
 *
 * @param time - Eight hexadecimal digits. Default: now.
 */
export const timedKey = (key: string, time = nowSeconds().toString(16).padStart(8, '0')): string => `${time}~${key}`

/** The eight digits that a key begins with. */
export const timeOfKey = (key: string): string | undefined => TIME.exec(key)?.[1]
