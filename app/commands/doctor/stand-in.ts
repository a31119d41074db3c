import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { ConfigError } from 'idplug'
import { PLAIN_HEADERS } from '../../gateway/identity.ts'
import { ASSERTION_HEADER } from '../../gateway/identity-assertion.ts'
import { type Finding, finding } from './finding.ts'
import type { Probe } from './probe.ts'
import { call } from './request.ts'

/** The doctor in place of the MCP server behind a proxy: the one way to see what the proxy passes on. */
export interface StandIn {
  /** Headers of the requests that arrived. */
  readonly arrived: readonly IncomingHttpHeaders[]
  close(): Promise<void>
}

/**
 * @param url - Of the MCP server, which must not run meanwhile.
 * @throws {ConfigError} The address cannot be listened on.
 */
export async function startStandIn(url: string): Promise<StandIn> {
  const { hostname, port, protocol } = new URL(url)
  const arrived: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    arrived.push(request.headers)
    request.resume()
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} }))
  })
  try {
    server.listen(Number(port) || (protocol === 'https:' ? 443 : 80), hostname.replace(/^\[|\]$/g, ''))
    await once(server, 'listening')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const cure = code === 'EADDRINUSE' ? ': stop the MCP server first' : ': it must be an address of this machine'
    throw new ConfigError([{ setting: '--stand-in', problem: `cannot listen at ${url} (${code})${cure}` }])
  }
  return {
    arrived,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const NAMES = [...Object.values(PLAIN_HEADERS), ASSERTION_HEADER]
/** Programs read all three as the same name (CGI, WSGI, Rack). */
const SPELLINGS = NAMES.flatMap(name => [name, name.replaceAll('-', '_'), name.replaceAll('-', '.')])

/** Sends a request with a good token that also says who is calling, and looks at what of it arrives. */
export async function checkPassedOn(url: string, probe: Probe, token: string, standIn: StandIn): Promise<Finding[]> {
  const forged = `doctor-${randomBytes(8).toString('hex')}`
  const headers = Object.fromEntries(SPELLINGS.map(name => [name, forged]))
  const before = standIn.arrived.length
  await call(probe, url, { ...headers, authorization: `Bearer ${token}` })
  const arrived = standIn.arrived.slice(before)
  const namesOf = (text: string) => [
    ...new Set(arrived.flatMap(all => Object.keys(all).filter(name => String(all[name]).includes(text)))),
  ]
  const [claims, tokens] = [namesOf(forged), namesOf(token)]
  return [
    ...(claims.length > 0 ? [finding('proxy.identity_forged', `${claims.join(', ')} of the client arrive`)] : []),
    ...(tokens.length > 0 ? [finding('proxy.token_passed_on', `the token arrives in ${tokens.join(', ')}`)] : []),
  ]
}
