import type { Decision } from 'idplug'
import type { Logger } from 'pino'
import type { Surroundings } from '../serve/program.ts'
import { type Running, serve } from '../serve/serve.ts'
import type { GatewayTarget, ResourceGroup, watchGatewayFile } from './configuration.ts'
import { createGateway } from './gateway.ts'
import { createHttpTarget, type HttpTargetOptions } from './http-target.ts'
import { createCallerIdentity } from './identity.ts'
import { ASSERTION_KEYS_PATH, assertionKeysAnswer } from './identity-assertion.ts'
import { openAssertionKeys, requireAssertionKeys } from './identity-keys.ts'
import { withoutUnusable } from './listing.ts'
import { createResources } from './resources.ts'
import { createSseTarget } from './sse/target.ts'
import { createStdioTarget, type StdioEvent } from './stdio/target.ts'
import type { Call, Target } from './target.ts'
import { COMMAND_LINE, commandProblem, GATEWAY_FILE, targetProblem, withoutQuery } from './target-check.ts'

export interface GatewayStartOptions {
  /** Watches the file that the groups come from: {@link watchGatewayFile} with its path. Default: they do not change. */
  readonly watch?: (handlers: Parameters<typeof watchGatewayFile>[2]) => { close(): void }
  /** How long a target may take until its answer begins. Default 300. */
  readonly timeoutSeconds?: number
}

/**
 * Starts the gateway, and our own authorization server with it unless that is a process of its own.
 *
 * @param groups - Resources with the same settings; one group at least.
 * @throws {ConfigError} A port cannot be listened on, or the store or the file of assertion keys does not work.
 */
export async function startGateway(
  surroundings: Omit<Surroundings, 'env'>,
  groups: readonly ResourceGroup[],
  options: GatewayStartOptions = {},
): Promise<Running> {
  const { logger, configuration } = surroundings
  const { settings, store } = configuration
  const folder = settings.AUTH_DATA_DIR ?? (store.kind === 'sqlite' ? store.folder : undefined)
  const keys = await openAssertionKeys(folder, usesAssertions(groups), logger)
  const shared = {
    logger,
    tokenHeader: settings.AUTH_TOKEN_HEADER,
    timeoutSeconds: options.timeoutSeconds,
    sessionIdleSeconds: settings.MCP_SESSION_IDLE_SECONDS,
    maxSessions: settings.MCP_MAX_SESSIONS,
  }
  let last: Decision | undefined
  async function check(name: string, { place, identity }: GatewayTarget): Promise<void> {
    if (place.kind === 'url' && place.transport === 'sse') return
    const headers = identity.kind === 'credential' ? { [identity.header]: identity.value } : {}
    const words = options.watch ? GATEWAY_FILE : COMMAND_LINE
    const problem =
      place.kind === 'command'
        ? commandProblem(place.command[0])
        : await targetProblem(place.url, headers, globalThis.fetch, words)
    if (!problem) return
    const reason = `${problem.seen}. ${problem.cure}`
    logger.warn({ event: 'target_not_ready', target: name, reason })
  }
  const checked = new Map<string, string>()
  /** Those that are not the same as when they were checked last. */
  function checkTargets(all: readonly ResourceGroup[]): void {
    for (const [key, target] of all.flatMap(({ targets }) => Object.entries(targets))) {
      const text = JSON.stringify(target)
      if (checked.get(key) === text) continue
      checked.set(key, text)
      void check(key, target)
    }
  }
  return serve(
    surroundings,
    groups,
    ({ auths, createGroup, reportBug }) => {
      const resources = createResources(groups, auths, {
        createGroup,
        onError: reportBug,
        openTarget({ key, resource, listing, target: { place, identity: choice }, auth }) {
          const audience = place.kind === 'url' ? place.url : resource
          const identity = createCallerIdentity(choice, { issuer: new URL(resource).origin, audience, keys })
          const mapMessage = (message: object, { access }: Call) =>
            withoutUnusable(message, (kind, name) => auth().allows(access, kind, name))
          const options = { ...shared, name: key, owns: identity.owns, ...(listing === 'hide' && { mapMessage }) }
          return { identity, target: openTarget(place, options, reportBug) }
        },
        createGateway: (name, auth, open) =>
          createGateway({ auth, name, ...open, logger, lastDecision: () => last, onError: reportBug }),
      })
      const places = groups.flatMap(({ targets }) => Object.values(targets).map(({ place }) => place))
      let watched: { close(): void } | undefined
      let hasEnded = false
      return {
        servers: resources.servers(),
        pages: {
          [ASSERTION_KEYS_PATH](_request, response) {
            assertionKeysAnswer(keys).then(
              ({ headers, body }) => response.writeHead(200, headers).end(JSON.stringify(body)),
              error => {
                reportBug(error)
                response.writeHead(500).end()
              },
            )
          },
        },
        banner: places.map(place => `In front of           ${describePlace(place)}`),
        started(replace) {
          checkTargets(groups)
          watched = options.watch?.({
            async changed(configuration) {
              if (usesAssertions(configuration.groups)) await requireAssertionKeys(keys)
              if (hasEnded) return
              resources.change(configuration)
              replace(resources.servers())
              checkTargets(configuration.groups)
              logger.info({
                event: 'gateway_file_read',
                resources: resources.servers().map(({ auth }) => auth.resource),
              })
            },
            failed({ message }) {
              logger.error({ event: 'gateway_file_not_read', message })
            },
          })
        },
        end() {
          hasEnded = true
          watched?.close()
          return resources.close()
        },
      }
    },
    {
      decision(decision) {
        last = decision
      },
    },
  )
}

const usesAssertions = (groups: readonly ResourceGroup[]) =>
  groups.some(({ targets }) => Object.values(targets).some(({ identity }) => identity.kind === 'assertion'))

function openTarget(
  place: GatewayTarget['place'],
  options: Omit<HttpTargetOptions, 'url'>,
  onError: (error: unknown) => void,
): Target {
  if (place.kind === 'url') {
    const url = new URL(place.url)
    return place.transport === 'sse'
      ? createSseTarget({ ...options, url, onError })
      : createHttpTarget({ ...options, url })
  }
  const [command, ...args] = place.command
  return createStdioTarget({
    command,
    args,
    environment: place.env,
    processPer: place.processPer,
    callerEnvironment: place.callerEnvironment,
    mapMessage: options.mapMessage,
    callTimeoutSeconds: options.timeoutSeconds,
    onEvent: event => logCommand(options.logger, options.name, event),
    onError,
  })
}

function logCommand(logger: Logger, target: string, happened: StdioEvent): void {
  const { event, ...facts } = happened
  const { person, ...others } = { person: undefined, ...facts }
  const failed = event === 'orphan_guard_failed' || (event === 'command_ended' && !happened.expected)
  logger[failed || event === 'command_invalid_output' ? 'warn' : 'info']({
    event,
    target,
    ...others,
    ...(person && { issuer: person.issuer, subject: person.subject, client_id: person.clientId }),
  })
}

/** For the log and the banner. */
function describePlace(place: GatewayTarget['place']): string {
  return place.kind === 'command' ? place.command.slice(0, 3).join(' ') : withoutQuery(new URL(place.url))
}
