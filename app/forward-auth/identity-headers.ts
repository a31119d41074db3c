import type { Access } from 'idplug'
import type { CallerIdentity } from '../gateway/identity.ts'

const NAMES = ['x-idplug-issuer', 'x-idplug-subject', 'x-idplug-client-id', 'x-idplug-scope'] as const

/**
 * Who is calling, in plain headers: `X-Idplug-Issuer`, `-Subject`, `-Client-Id` and `-Scope` (separated by spaces). Everything but visible
 * ASCII is percent-encoded, and so is `%`. The headers of an anonymous caller are empty, so that a proxy which copies them replaces those
 * of the client.
 */
export function createIdentityHeaders(): CallerIdentity {
  return {
    async headersFor({ token }: Access) {
      const { issuer = '', subject = '', clientId = '', scopes = [] } = token ?? {}
      const values = [issuer, subject, clientId, scopes.join(' ')]
      return Object.fromEntries(NAMES.map((name, index) => [name, encoded(values[index] as string)]))
    },
    owns: headerName => headerName.replaceAll('_', '-').toLowerCase().startsWith('x-idplug-'),
    async close() {},
  }
}

function encoded(value: string): string {
  return /^[\x20-\x24\x26-\x7e]*$/.test(value) ? value : value.replace(/[^\x20-\x24\x26-\x7e]+/gu, encodeURIComponent)
}
