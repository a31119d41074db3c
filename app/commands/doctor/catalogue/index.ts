import { attack } from './attack.ts'
import { bridge } from './bridge.ts'
import { config } from './config.ts'
import { gateway } from './gateway.ts'
import { proxy } from './proxy.ts'
import { server } from './server.ts'
import { tenant } from './tenant.ts'
import { token } from './token.ts'

/**
 * Every finding of `idplug doctor`. Codes are stable: scripts look for them. The page `docs/findings.md` is made from this by
 * `npm run docs`.
 */
export const catalogue = {
  ...config,
  ...bridge,
  ...tenant,
  ...token,
  ...server,
  ...gateway,
  ...proxy,
  ...attack,
} as const

export type FindingCode = keyof typeof catalogue
