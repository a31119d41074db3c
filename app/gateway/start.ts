import type { Decision, Declarations } from 'idplug'
import type { Logger } from 'pino'
import type { Surroundings } from '../serve/program.ts'
import { type Running, serve } from '../serve/serve.ts'
import { createGateway } from './gateway.ts'
import type { CallerIdentity } from './identity.ts'
import type { Target } from './target.ts'

/** One server behind the gateway. */
export interface Resource {
  /** Of the target; for the log and the banner. */
  readonly name: string
  readonly identity: CallerIdentity
  open(context: { readonly logger: Logger; readonly configuration: Surroundings['configuration'] }): Target
}

/**
 * Starts the gateway, and our own authorization server with it unless that is a process of its own.
 *
 * @param declarations - One for each of `resources`, by the same keys.
 * @throws {ConfigError} A port cannot be listened on, or the store does not work.
 */
export function startGateway(
  surroundings: Surroundings,
  declarations: Declarations,
  resources: Readonly<Record<string, Resource>>,
): Promise<Running> {
  const { logger } = surroundings
  let last: Decision | undefined
  return serve(
    surroundings,
    declarations,
    ({ auths, reportBug }) => {
      const gateways = Object.entries(auths).map(([key, auth]) => {
        const { name, identity, open } = resources[key] as Resource
        const gateway = createGateway({
          auth,
          name,
          identity,
          target: open(surroundings),
          logger,
          lastDecision: () => last,
          onError: reportBug,
        })
        return { auth, name: declarations[key]?.name ?? name, ...gateway }
      })
      return {
        servers: gateways as [(typeof gateways)[0], ...typeof gateways],
        banner: Object.values(resources).map(({ name }) => `In front of           ${name}`),
        end: async () => void (await Promise.all(gateways.map(gateway => gateway.close()))),
      }
    },
    {
      decision(decision) {
        last = decision
      },
    },
  )
}
