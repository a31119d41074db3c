import { expect, it } from 'vitest'
import { freePort } from '../../support/http.ts'
import { runProgram } from '../../support/program.ts'

const example = new URL('../../../docs/examples/own-server.ts', import.meta.url).pathname

it('starts the server with the URLs of the issuer, checks it, and prints no token', async () => {
  const port = await freePort()
  const command = `PORT=${port} PUBLIC_URL=http://localhost:${port} AUTH_PROVIDER=oidc OIDC_METADATA_URL=$CONFORMANCE_METADATA_URL exec ${process.execPath} ${example}`
  const { code, stdout } = await runProgram([
    ...['conformance', `http://localhost:${port}/mcp`, '--server-command', command],
    ...['--only', 'V01,V02,V10,S01', '--tool', 'write_file', '--json'],
  ])
  const { results } = JSON.parse(stdout)
  expect(results.map(({ id, verdict }: { id: string; verdict: string }) => [id, verdict])).toEqual([
    ['V01', 'pass'],
    ['V02', 'pass'],
    ['V10', 'pass'],
    ['S01', 'pass'],
  ])
  expect(stdout).not.toMatch(/eyJ[\w-]+\.eyJ/)
  expect(code).toBe(0)
})

it('shows what a server printed that does not start', async () => {
  const port = await freePort()
  const { code, stderr } = await runProgram([
    ...['conformance', `http://localhost:${port}/mcp`, '--server-command', 'echo the database is away; exit 3'],
  ])
  expect(stderr).toContain('cannot be reached: the server command has ended. It printed:\nthe database is away')
  expect(code).toBe(1)
})

it.each([
  [['--mode', 'introspection'], '--mode needs --issuer-port or --server-command'],
  [['--issuer-port', '0', '--token-env', 'TOKEN'], 'with an issuer of the kit, leave out the tokens'],
])('refuses %j', async (args, problem) => {
  const { code, stderr } = await runProgram(['conformance', 'http://localhost:1/mcp', ...args])
  expect(stderr).toContain(problem)
  expect(code).toBe(2)
})
