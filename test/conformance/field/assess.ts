import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { TokenKind } from '../../../app/conformance/check.ts'
import { checks } from '../../../app/conformance/checks/index.ts'
import { type Issuer, startIssuer } from '../../../app/conformance/issuer/issuer.ts'
import { type Result, runChecks } from '../../../app/conformance/run.ts'
import { createTarget } from '../../../app/conformance/target.ts'
import { freePort } from '../../support/http.ts'
import type { Project } from './projects.ts'
import { startProgram } from './running.ts'
import { signIn } from './sign-in.ts'

const PATIENCE_SECONDS = 40
const RESTART_SECONDS = 60

/**
 * Starts a project's program with an issuer of the kit, lets an official client call a tool, and then runs all checks. A project that
 * takes only its own tokens is assessed with those, as a server that somebody runs elsewhere is.
 *
 * @throws {Error} The client could not call the tool: nothing is said of a program that does not work.
 */
export async function assess(project: Project, told: (result: Result) => void = () => {}): Promise<Result[]> {
  const port = await freePort()
  const url = `http://localhost:${port}/mcp`
  const issuer = await startIssuer({ mode: 'jwt' })
  issuer.audience = url
  issuer.scopes = project.scopes
  const running = await startProgram(project.command({ port, issuer }), url)
  try {
    const tokens = await (project.otherResource ? signedIn(url, project) : minted(issuer, project))
    await insistThatItWorks(url, tokens.token)
    const laboratory = {
      issuer,
      patienceSeconds: PATIENCE_SECONDS,
      restart: () => running.restart(RESTART_SECONDS),
      downstreamTool: project.downstreamTool,
    }
    const options = { tokens, tool: project.tool, laboratory: project.otherResource ? undefined : laboratory }
    return await runChecks(createTarget(url, options), checks, told)
  } finally {
    await running.end()
    await issuer.close()
  }
}

type Tokens = Readonly<Record<TokenKind, string>>

async function minted(issuer: Issuer, { scopes: [least] }: Project): Promise<Tokens> {
  return {
    token: await issuer.token(),
    'low-scope-token': await issuer.token({ claims: { scope: least } }),
    'other-audience-token': await issuer.token({ claims: { aud: 'https://other.example/mcp' } }),
  }
}

async function signedIn(url: string, { scopes, otherResource = '' }: Project): Promise<Tokens> {
  return {
    token: await signIn(url, scopes),
    'low-scope-token': await signIn(url, scopes.slice(0, 1)),
    'other-audience-token': await signIn(url, scopes, new URL(otherResource, url).href),
  }
}

/** A client on the newest SDK. */
async function insistThatItWorks(url: string, token: string): Promise<void> {
  const client = new Client({ name: 'official', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
  const headers = { Authorization: `Bearer ${token}` }
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }))
  const { isError, content } = await client.callTool({ name: 'whoami', arguments: {} })
  await client.close()
  if (isError) throw new Error(`whoami failed: ${JSON.stringify(content)}`)
  // In development, Next.js builds a route when it is asked for first, for which the checks do not wait.
  const metadata = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', url))
  await metadata.body?.cancel()
}
