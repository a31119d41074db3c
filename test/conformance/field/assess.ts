import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { checks } from '../../../app/conformance/checks/index.ts'
import { type Issuer, startIssuer } from '../../../app/conformance/issuer/issuer.ts'
import { type Result, runChecks } from '../../../app/conformance/run.ts'
import { createTarget } from '../../../app/conformance/target.ts'
import { freePort } from '../../support/http.ts'
import type { Project } from './projects.ts'
import { startProgram } from './running.ts'

const PATIENCE_SECONDS = 40
const RESTART_SECONDS = 60

/**
 * Starts a project's program with an issuer of the kit, lets an official client call a tool, and then runs all checks.
 *
 * @throws {Error} The client could not call the tool: nothing is said of a program that does not work.
 */
export async function assess(project: Project, told: (result: Result) => void = () => {}): Promise<Result[]> {
  const port = await freePort()
  const url = `http://localhost:${port}/mcp`
  const issuer = await startIssuer({ mode: 'jwt' })
  issuer.audience = url
  issuer.scopes = project.scopes
  const running = await startProgram(project.program, url, project.settings({ port, issuer }))
  try {
    await insistThatItWorks(url, issuer)
    const tokens = {
      token: await issuer.token(),
      'low-scope-token': await issuer.token({ claims: { scope: project.scopes[0] } }),
      'other-audience-token': await issuer.token({ claims: { aud: 'https://other.example/mcp' } }),
    }
    const laboratory = { issuer, patienceSeconds: PATIENCE_SECONDS, restart: () => running.restart(RESTART_SECONDS) }
    return await runChecks(createTarget(url, { tokens, tool: project.tool, laboratory }), checks, told)
  } finally {
    await running.end()
    await issuer.close()
  }
}

/** A client on the newest SDK, with a token of the issuer. */
async function insistThatItWorks(url: string, issuer: Issuer): Promise<void> {
  const client = new Client({ name: 'official', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
  const headers = { Authorization: `Bearer ${await issuer.token()}` }
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }))
  const { isError, content } = await client.callTool({ name: 'whoami', arguments: {} })
  await client.close()
  if (isError) throw new Error(`whoami failed: ${JSON.stringify(content)}`)
}
