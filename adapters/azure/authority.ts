import type { Claims } from '../../src/engines/claim-judge.ts'
import { clip } from '../../src/text.ts'

/** Where tenants of Microsoft Entra ID have their metadata, and how they spell their issuers. */
export interface EntraAuthority {
  /** A tenant id, or `common` or `organizations`, which stand for many. */
  readonly tenant: string
  readonly shared: boolean
  readonly metadataUrl: string
  /** Issuer of v2 tokens; `{tenantid}` stands for the tenant, as in Microsoft's own documents. */
  readonly issuer: string
  /** Issuer of v1 tokens. External ID has none that is documented. */
  readonly v1Issuer?: string
  /** What the `issuer` of a key may say. It names the v2 issuer, whatever version the key signs. */
  readonly keyIssuers: readonly string[]
}

export const TENANT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The tenant in which all personal accounts are. */
export const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad'

/** Hosts of one cloud, the one that v2 issuers name first. */
const CLOUDS = [
  {
    hosts: ['login.microsoftonline.com', 'login.microsoft.com', 'login.windows.net', 'sts.windows.net'],
    v1: 'https://sts.windows.net',
    graph: 'https://graph.microsoft.com',
  },
  {
    hosts: ['login.microsoftonline.us', 'login.usgovcloudapi.net', 'login-us.microsoftonline.com'],
    v1: 'https://sts.windows.net',
    graph: 'https://graph.microsoft.us',
  },
  {
    hosts: ['login.partner.microsoftonline.cn', 'login.chinacloudapi.cn'],
    v1: 'https://sts.chinacloudapi.cn',
    graph: 'https://microsoftgraph.chinacloudapi.cn',
  },
  // Closed; recognised, so that nobody looks for another cause.
  { hosts: ['login.microsoftonline.de'], v1: 'https://sts.microsoftonline.de', graph: 'https://graph.microsoft.de' },
] as const

/**
 * Origin of Microsoft Graph in the cloud of an authority: https://learn.microsoft.com/en-us/graph/deployments. A host that is no
 * cloud's is an emulator, and plays that part as well.
 */
export function graphOf(metadataUrl: string): string {
  const { hostname, origin } = new URL(metadataUrl)
  if (isExternalId(hostname)) return CLOUDS[0].graph
  return cloudOf(hostname)?.graph ?? origin
}

const isBelow = (host: string, suffix: string) => host === suffix || host.endsWith(`.${suffix}`)
const isExternalId = (host: string) => isBelow(host, 'ciamlogin.com')
const isB2c = (host: string) => isBelow(host, 'b2clogin.com')
const cloudOf = (host: string) => CLOUDS.find(({ hosts }) => hosts.some(known => isBelow(host, known)))

export function isEntraHost(host: string): boolean {
  return cloudOf(host) !== undefined || isExternalId(host)
}

export function forTenant(template: string, tenant: string): string {
  return template.replaceAll('{tenantid}', tenant)
}

/** `/{tenant}`, as authority, issuer or metadata URL of either version, with a slash at the end or without. */
const TENANT_PATH = /^\/([^/]+)(?:\/v2\.0)?(?:\/\.well-known\/openid-configuration)?\/?$/

/**
 * Reads any spelling of an authority: its metadata URL or issuer, v1 or v2. The v2 document serves for both: its keys sign
 * both, and name the issuer that they sign for.
 *
 * @returns The mistake in one sentence where it cannot be used.
 */
export function readAuthority(configured: string): EntraAuthority | { mistake: string } {
  const url = new URL(configured)
  const host = url.hostname
  if (isB2c(host)) {
    return {
      mistake:
        'belongs to Azure AD B2C, whose issuers and tokens are of another kind: set AUTH_PROVIDER=b2c. This adapter takes Entra ID and External ID (ciamlogin.com)',
    }
  }
  const named = TENANT_PATH.exec(url.pathname)?.[1]?.toLowerCase()
  const tenant = named === 'consumers' ? CONSUMERS : named
  const shared = !isExternalId(host) && (tenant === 'common' || tenant === 'organizations')
  if (tenant === undefined) {
    return { mistake: 'must be like https://login.microsoftonline.com/{tenant id}/v2.0' }
  }
  if (!shared && !TENANT_ID.test(tenant)) {
    return {
      mistake: `names the tenant as ${clip(tenant)}; that works in URLs, but metadata and tokens carry the tenant id: put the Directory (tenant) ID there, a GUID (Entra admin center > Overview)`,
    }
  }

  const cloud = cloudOf(host)
  // v1 issuers are URLs of a host that is none of clients' concern.
  const origin = cloud && host.startsWith('sts.') ? `https://${cloud.hosts[0]}` : url.origin
  const known = {
    tenant,
    shared,
    metadataUrl: `${origin}/${tenant}/v2.0/.well-known/openid-configuration${url.search}`,
  }
  if (isExternalId(host)) {
    const issuer = 'https://{tenantid}.ciamlogin.com/{tenantid}/v2.0'
    return { ...known, issuer, keyIssuers: [issuer, 'https://login.microsoftonline.com/{tenantid}/v2.0'] }
  }
  const issuer = `${cloud ? `https://${cloud.hosts[0]}` : origin}/{tenantid}/v2.0`
  // A host that is no cloud's is an emulator, and plays both parts.
  return { ...known, issuer, v1Issuer: `${cloud?.v1 ?? origin}/{tenantid}/`, keyIssuers: [issuer] }
}

/** Issuers of a tenant: v2, and v1 where there is one. */
export function issuersOf({ issuer, v1Issuer }: EntraAuthority, tenant: string): string[] {
  return [issuer, ...(v1Issuer ? [v1Issuer] : [])].map(template => forTenant(template, tenant))
}

/** Tenant of an issuer, v1 or v2; `undefined` for one that is spelled otherwise. */
export function tenantOf(authority: EntraAuthority, iss: string): string | undefined {
  const tenant = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(iss)?.[0]
  return tenant !== undefined && issuersOf(authority, tenant).includes(iss) ? tenant : undefined
}

/**
 * Whether a key may sign for a tenant: those for personal accounts are published beside those for everybody. A document of
 * one tenant may hold keys that do not say (External ID); a shared one may not.
 */
export function mayKeySign({ keyIssuers, shared }: EntraAuthority, jwk: Claims, tenant: string): boolean {
  if (typeof jwk.issuer !== 'string') return jwk.issuer === undefined && !shared
  const keyIssuer = jwk.issuer
  return keyIssuers.some(
    template => template === keyIssuer || forTenant(template, tenant) === forTenant(keyIssuer, tenant),
  )
}
