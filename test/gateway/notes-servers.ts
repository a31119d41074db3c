import { fileURLToPath } from 'node:url'
import { freePort } from '../support/http.ts'
import { startProgram, untilServing } from '../support/program.ts'

export const programOf = (name: string) => fileURLToPath(new URL(`./packages/${name}.ts`, import.meta.url))

/**
 * Starts one of the servers in `packages` over HTTP, as a process of its own that ends with the test.
 *
 * @returns URL of its MCP endpoint.
 */
export async function startNotes(name: string): Promise<string> {
  const port = await freePort()
  const program = startProgram([], {
    script: programOf(name),
    env: { PORT: String(port), MCP_USE_ANONYMIZED_TELEMETRY: 'false' },
  })
  const url = `http://127.0.0.1:${port}/mcp`
  await untilServing(program, url, { method: 'DELETE' })
  return url
}
