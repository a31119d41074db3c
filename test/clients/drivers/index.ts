import type { RealClient } from '../client.ts'
import { inspector } from './inspector.ts'
import { mcpRemote } from './mcp-remote.ts'
import { mcporter } from './mcporter.ts'
import { aiSdk, sdk1, sdk2 } from './sdk.ts'

/** Old ones first. */
export const clients: readonly RealClient[] = [
  ...['sdk-1.10', 'sdk-1.11', 'sdk-1.12', 'sdk-1.15', 'sdk-1.17', 'sdk-1.25', 'sdk-1.32'].map(folder => sdk1(folder)),
  ...['client-2.0', 'client-newest'].map(sdk2),
  aiSdk,
  mcpRemote,
  inspector,
  mcporter,
]
