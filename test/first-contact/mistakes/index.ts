import type { Mistake } from '../mistake.ts'
import { clients } from './clients.ts'
import { gateways } from './gateway.ts'
import { installations } from './install.ts'
import { ownServers } from './own-server.ts'
import { providers } from './provider.ts'
import { settings } from './settings.ts'

/** By what is wrong, in the order in which people meet it. */
export const mistakes: Readonly<Record<string, readonly Mistake[]>> = {
  Installation: installations,
  Settings: settings,
  'Your own server': ownServers,
  'Clients and proxies': clients,
  'The gateway': gateways,
  "The provider's console": providers,
}
