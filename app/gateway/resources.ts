import { type Auth, ConfigError, type ResourceDeclaration } from 'idplug'
import { knownNames } from 'idplug/internal'
import type { ServedResource } from '../serve/http.ts'
import type { GatewayConfiguration, GatewayTarget, ResourceGroup } from './configuration.ts'
import type { Gateway } from './gateway.ts'
import type { CallerIdentity } from './identity.ts'
import type { Target } from './target.ts'

/** A target with the identity that it is told. */
export interface OpenTarget {
  readonly target: Target
  readonly identity: CallerIdentity
}

/** What a target is opened with. It is opened anew when any of this changes, except for the rules of its auth. */
export interface TargetContext {
  readonly key: string
  /** Identifier of the resource. */
  readonly resource: string
  readonly listing: ResourceDeclaration['listing']
  readonly target: GatewayTarget
  /** The auth with the rules that count now. */
  auth(): Auth
}

export interface ResourcesOptions {
  openTarget(place: TargetContext): OpenTarget
  createGateway(key: string, auth: Auth, open: OpenTarget): Gateway
  /** @throws {ConfigError} */
  createGroup(group: ResourceGroup): Readonly<Record<string, Auth>>
  onError(error: unknown): void
}

/** The resources of a gateway, which can change while it runs. */
export interface Resources {
  servers(): readonly [ServedResource, ...ServedResource[]]
  /**
   * Takes another configuration over. Groups that did not change keep their sign-in, and targets that did not change keep their sessions
   * and processes. Requests and streams that are open go on as they began; what nobody needs any more is closed after them.
   *
   * @throws {ConfigError} The configuration cannot work, or needs a restart. Everything is as before.
   */
  change(configuration: GatewayConfiguration): void
  /** Ends streams and targets. The auths that were there at the start are not closed. */
  close(): Promise<void>
}

interface Resource {
  readonly group: string
  readonly auth: Auth
  readonly name: string
  /** Changes with what is behind it, and with where it is reached. */
  readonly targetId: string
  readonly open: OpenTarget
  readonly gateway: Gateway
}

/**
 * @param auths - Of the groups at the start, by the keys of their declarations.
 */
export function createResources(
  groups: readonly ResourceGroup[],
  auths: Readonly<Record<string, Auth>>,
  options: ResourcesOptions,
): Resources {
  let resources: ReadonlyMap<string, Resource> = new Map(
    groups.flatMap(group => Object.keys(group.declarations).map(key => entry(key, group, auths[key] as Auth))),
  )
  const retiring = new Set<Gateway>()
  const later = new Set<Auth>()

  function entry(key: string, group: ResourceGroup, auth: Auth, before?: Resource): [string, Resource] {
    const target = group.targets[key] as GatewayTarget
    const { resource } = auth
    const { name = key, listing } = group.declarations[key] ?? {}
    const targetId = JSON.stringify([target, resource, listing])
    if (before?.auth === auth && before.targetId === targetId) return [key, before]
    const open =
      before?.targetId === targetId
        ? before.open
        : options.openTarget({ key, resource, listing, target, auth: () => resources.get(key)?.auth ?? auth })
    const gateway = options.createGateway(key, auth, open)
    return [key, { group: group.id, auth, name, targetId, open, gateway }]
  }

  /** The auths of a group that is there already. */
  function authsOf({ id, declarations }: ResourceGroup): Readonly<Record<string, Auth>> | undefined {
    const found = Object.keys(declarations).map(key => [key, resources.get(key)] as const)
    if (found.some(([, resource]) => resource?.group !== id)) return undefined
    return Object.fromEntries(found.map(([key, resource]) => [key, (resource as Resource).auth]))
  }

  async function retire(before: ReadonlyMap<string, Resource>): Promise<void> {
    const gateways = new Set([...resources.values()].map(({ gateway }) => gateway))
    const left = [...before.values()].filter(({ gateway }) => !gateways.has(gateway))
    for (const { gateway } of left) retiring.add(gateway)
    await Promise.all(
      left.map(async ({ gateway, open }) => {
        await gateway.idle()
        retiring.delete(gateway)
        if (![...resources.values()].some(resource => resource.open === open)) await closeTarget(open)
      }),
    )
    const used = new Set([...resources.values()].map(({ auth }) => auth))
    await Promise.all(left.filter(({ auth }) => later.delete(auth) && !used.has(auth)).map(({ auth }) => auth.close()))
  }

  return {
    servers: () =>
      [...resources.values()].map(({ auth, name, gateway: { endpoint } }) => ({ auth, name, endpoint })) as never,
    change({ groups: next }) {
      const plan = next.map(group => ({ group, kept: authsOf(group) }))
      for (const { group, kept } of plan) {
        if (!kept && knownNames(group.env).usesOwnServer) throw needsRestart(group)
      }
      const made: Auth[] = []
      let changed: Map<string, Resource>
      try {
        const all = plan.flatMap(({ group, kept }) => {
          const auths = kept ?? options.createGroup(group)
          if (!kept) made.push(...Object.values(auths))
          return Object.keys(group.declarations).map(key => ({ key, group, auth: auths[key] as Auth }))
        })
        changed = new Map(all.map(({ key, group, auth }) => entry(key, group, auth, resources.get(key))))
      } catch (error) {
        for (const auth of made) auth.close().catch(options.onError)
        throw error
      }
      for (const auth of made) later.add(auth)
      const before = resources
      resources = changed
      retire(before).catch(options.onError)
    },
    async close() {
      const gateways = [...retiring, ...[...resources.values()].map(({ gateway }) => gateway)]
      await Promise.all(gateways.map(gateway => gateway.close()))
      await Promise.all([...resources.values()].map(({ open }) => closeTarget(open)))
      await Promise.all([...later].map(auth => auth.close()))
    },
  }
}

async function closeTarget({ target, identity }: OpenTarget): Promise<void> {
  await target.close()
  await identity.close()
}

function needsRestart({ declarations }: ResourceGroup): ConfigError {
  const problem =
    'changes what people sign in for at our own authorization server, which knows its servers from the start: restart the gateway'
  return new ConfigError([{ setting: Object.keys(declarations).join(', '), problem, see: 'docs/gateway.md' }])
}
