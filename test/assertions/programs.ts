import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from '../support/temporary-files.ts'

const run = promisify(execFile)
const page = readFileSync(new URL('../../docs/identity-to-target.md', import.meta.url), 'utf8')

/** The check of the docs in a language, for a gateway and a target of the test. */
function snippet(fence: string, gateway: string, self: string): string {
  const [, code] = new RegExp(`^\`\`\`${fence}\\n(.*?)^\`\`\``, 'ms').exec(page) ?? []
  if (code === undefined) throw new Error(`docs/identity-to-target.md has no check in ${fence}`)
  return code.replaceAll('https://mcp.example.com', gateway).replaceAll('http://127.0.0.1:8000/mcp', self)
}

/**
 * Checks an assertion.
 *
 * @returns Its claims.
 * @throws The check refused it; `stderr` has its words.
 */
export type Check = (assertion: string) => Promise<Record<string, unknown>>

function checkBy(command: string, args: readonly string[]): Check {
  return async assertion => JSON.parse((await run(command, [...args, assertion])).stdout)
}

/** The module of FastMCP that hands out the headers is not in Debian: this stands for it. */
const FASTMCP = `import sys, types
module = types.ModuleType("fastmcp.server.dependencies")
module.get_http_headers = lambda: {"x-mcp-assertion": sys.argv[1]}
sys.modules.update({"fastmcp": types.ModuleType("fastmcp"), "fastmcp.server": types.ModuleType("fastmcp.server"),
                    "fastmcp.server.dependencies": module})
`

async function python(gateway: string, self: string): Promise<Check> {
  const file = join(temporaryFolder(), 'check.py')
  writeFileSync(file, `${FASTMCP}\n${snippet('python', gateway, self)}\nimport json\nprint(json.dumps(caller()))\n`)
  return checkBy('/usr/bin/python3', [file])
}

const GO_MAIN = `
func main() {
	keys, err := fetchKeys()
	if err == nil {
		var claims map[string]interface{}
		request := &http.Request{Header: http.Header{"X-Mcp-Assertion": os.Args[1:]}}
		if claims, err = caller(request, keys); err == nil {
			json.NewEncoder(os.Stdout).Encode(claims)
			return
		}
	}
	println(err.Error())
	os.Exit(1)
}
`

async function go(gateway: string, self: string): Promise<Check> {
  const path = temporaryFolder()
  const imports = ['encoding/json', 'errors', 'net/http', 'os', 'time']
  const packages = ['gopkg.in/square/go-jose.v2', 'gopkg.in/square/go-jose.v2/jwt']
  const head = `package main\n\nimport (\n${[...imports, ...packages].map(name => `\t"${name}"\n`).join('')})\n`
  writeFileSync(join(path, 'main.go'), `${head}\n${snippet('go', gateway, self)}\n${GO_MAIN}`)
  const env = { PATH: process.env.PATH, HOME: path, GO111MODULE: 'off', GOPATH: '/usr/share/gocode' }
  await run('go', ['build', '-o', 'check', '.'], { cwd: path, env })
  return checkBy(join(path, 'check'), [])
}

/** By language: makes the check for a gateway (its origin) and a target (its URL). */
export const checks = { Python: python, Go: go }
