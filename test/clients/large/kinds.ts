import type { Kind } from '../kinds.ts'

/** These clients take minutes for each kind of sign-in. */
export const largeKinds: readonly Kind[] = ['demo', 'bridge']

/** Their documents are on the web, where no test goes: without documents they register. */
export const largeSettings = { CIMD: 'off' }
