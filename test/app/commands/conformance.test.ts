import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createProgram } from '../../../app/commands/index.ts'
import { checks } from '../../../app/conformance/checks/index.ts'
import { resultsJunit } from '../../../app/conformance/report/junit.ts'
import { resultText, summaryText } from '../../../app/conformance/report/text.ts'
import { chooseChecks, type Result } from '../../../app/conformance/run.ts'
import { listen } from '../../support/http.ts'
import { runProgram } from '../../support/program.ts'
import { GOOD, startPlainIssuer } from '../conformance/plain-issuer.ts'
import { type Plant, startServer } from '../conformance/server/server.ts'

const page = readFileSync(new URL('../../../docs/conformance/README.md', import.meta.url), 'utf8')
const [command] = (await createProgram('conformance')).commands

async function serve(plant?: Plant): Promise<string> {
  let resource = ''
  const trust = await startPlainIssuer(() => resource)
  const server = await startServer({ trust, mode: 'introspection' }, plant)
  onTestFinished(server.close)
  resource = server.url
  return server.url
}

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  runProgram(['conformance', ...args], { env, input: '' })

/** Takes tokens from the URL, and says so to everybody who asks with one. */
const naive: Plant = parts => ({
  ...parts,
  credentialsOf(request) {
    const token = request.url.searchParams.get('access_token')
    return token === null ? parts.credentialsOf(request) : { kind: 'token', scheme: 'bearer', token }
  },
})

describe('idplug conformance', () => {
  it('ends with 0 and says what was not run, at a server without mistakes', async () => {
    const { code, stdout, stderr } = await run([await serve(), '--only', 'c*,p*,V01'])
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^✓ C01 {2}A request without a token gets 401$/m)
    expect(stdout).toMatch(/^Not run: V01\n {2}needs a token that the server accepts/m)
    expect(stdout).toMatch(/^43 passed, 0 failed \(MUST\), 0 warnings \(SHOULD, practice\), 2 skipped, 1 not run$/m)
    expect(code).toBe(0)
  })

  it('ends with 1 at a MUST that is not met, and prints the variable in place of the token', async () => {
    const { code, output } = await run([await serve(naive), '--only', 'B04', '--token-env', 'TOKEN'], { TOKEN: GOOD })
    expect(output).toMatch(/^✗ B04 {2}A token in the URL is not accepted$/m)
    expect(output).toMatch(/“Access tokens MUST NOT be included in the URI query string”/)
    expect(output).toMatch(/sent {2}curl -si -X POST ".+access_token=\$TOKEN" \\$/m)
    expect(output).not.toContain(GOOD)
    expect(code).toBe(1)
  })

  it('reads a token from standard input, and hides it in the URL, too', async () => {
    const url = await serve(parts => ({ ...naive(parts), challenge: () => 'Bearer realm="files"' }))
    const args = ['conformance', url, '--only', 'B04', '--token-stdin']
    const { code, output } = await runProgram(args, { input: `${GOOD}\n` })
    expect(output).toMatch(/status 200 to a good token in the URL/)
    expect(output).toMatch(/"http:.+\?access_token=\$TOKEN"/)
    expect(output).not.toContain(GOOD)
    expect(code).toBe(1)
  })

  it('ends with 0 at warnings', async () => {
    const { code, stdout } = await run([
      await serve(parts => ({ ...parts, preflight: () => ({ status: 401, headers: {}, body: '' }) })),
      '--only',
      'C11',
    ])
    expect(stdout).toMatch(/^! C11 /m)
    expect(stdout).toMatch(/1 warning \(SHOULD, practice\)/)
    expect(code).toBe(0)
  })

  it('prints JSON', async () => {
    const url = await serve(naive)
    const only = ['--only', 'B04,C01,V02']
    const { code, stdout } = await run([url, ...only, '--token-env', 'TOKEN', '--json'], { TOKEN: GOOD })
    expect(JSON.parse(stdout)).toEqual({
      tool: expect.stringMatching(/^idplug \d/),
      url,
      summary: { pass: 1, fail: 1, warn: 0, skipped: 1 },
      results: [
        { id: 'C01', verdict: 'pass', title: expect.any(String), level: 'MUST', tier: 0, source: expect.any(Object) },
        expect.objectContaining({
          id: 'B04',
          verdict: 'fail',
          because: expect.any(String),
          evidence: [
            { sent: expect.stringMatching(/^curl /), status: 200, seen: expect.arrayContaining(['status 200']) },
          ],
        }),
        expect.objectContaining({ id: 'V02', verdict: 'skipped', missing: 'other-audience-token' }),
      ],
    })
    expect(code).toBe(1)
  })

  it('writes JUnit XML', async () => {
    const args = ['--only', 'B04,C01,V02', '--token-env', 'TOKEN', '--junit', 'results.xml']
    const { cwd } = await run([await serve(naive), ...args], { TOKEN: GOOD })
    const xml = readFileSync(join(cwd, 'results.xml'), 'utf8')
    expect(xml).toMatch(
      /<testsuite name="idplug conformance http:[^"]+" tests="3" failures="1" errors="0" skipped="1">/,
    )
    expect(xml).toMatch(/<testcase classname="MUST" name="C01 [^"]+"\/>/)
    expect(xml).toMatch(/<failure message="[^"]+">/)
  })

  it.each([
    ['a check that there is not', ['http://localhost:1/mcp', '--only', 'C01,X9'], /--only names no check: X9/],
    [
      'a variable that is not set',
      ['http://localhost:1/mcp', '--token-env', 'NOBODY'],
      /--token-env names NOBODY, which is not set/,
    ],
    ['a URL that nobody should send tokens to', ['http://mcp.example.com/mcp'], /https:/],
    ['two tokens', ['http://localhost:1/mcp', '--token-stdin', '--token-env', 'PATH'], /keep one/],
  ])('ends with 2 at %s', async (_, args, message) => {
    const { code, stderr } = await run(args)
    expect(stderr).toMatch(message)
    expect(code).toBe(2)
  })

  it('ends with 1 where nothing listens', async () => {
    const { origin, close } = await listen(() => {})
    await close()
    const { code, stderr } = await run([`${origin}/mcp`])
    expect(stderr).toMatch(/cannot be reached: ECONNREFUSED/)
    expect(code).toBe(1)
  })

  it('ends with 1 where something else is, without a verdict about it', async () => {
    const { origin, close } = await listen((_request, response) => response.writeHead(404).end('<p>Not here</p>'))
    onTestFinished(close)
    const { code, stdout, stderr } = await run([`${origin}/`])
    expect(stderr).toContain(`there is no MCP endpoint at ${origin}/ (status 404). The path is often /mcp.`)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  })

  it('has a help that fits into 80 columns, and a page that explains every option and no other', () => {
    let help = ''
    const writeOut = (text: string) => {
      help += text
    }
    command?.configureOutput({ writeOut }).outputHelp()
    expect(help).toContain('Exit codes')
    expect(help.split('\n').filter(line => line.length > 80)).toEqual([])
    const options = command?.options.map(({ long }) => long ?? '') ?? []
    expect(options.filter(option => !page.includes(option))).toEqual([])
    const named = [...page.matchAll(/(?<=[ `])--[a-z][a-z-]+/g)].map(([option]) => option)
    const others = ['--attack']
    expect(named.filter(option => ![...options, ...others].includes(option))).toEqual([])
  })
})

describe('reports', () => {
  const [check] = chooseChecks(checks, ['C01']).chosen
  const hostile = 'x\u001b[31m\u0000 ]]> <&"\u2028'
  const result = {
    check,
    verdict: 'fail',
    because: hostile,
    evidence: [{ sent: hostile, status: 200, seen: [hostile] }],
  } as Result

  it('are XML whatever a server says', () => {
    const xml = resultsJunit('http://localhost/?a=1&b="2"', [result])
    const inside = xml.replace(/<\/?(testsuites?|testcase|failure)[^<>]*>|<\?xml[^>]*>/g, '')
    expect(inside).not.toMatch(/[<"]|&(?!amp;|lt;|gt;|quot;)/)
    expect(xml).not.toMatch(/(?![\t\n])\p{Cc}/u)
  })

  it('count in numbers that people can read', () => {
    const skipped = (id: string) =>
      ({
        check: chooseChecks(checks, [id]).chosen[0],
        verdict: 'skipped',
        because: 'needs it',
        missing: 'token',
        evidence: [],
      }) as unknown as Result
    expect(summaryText(['V03', 'V04', 'V05', 'V07', 'S01'].map(skipped))).toMatch(
      /^Not run: V03–V05 V07 S01\n {2}needs it/,
    )
    expect(resultText(result)).toMatch(/^✗ C01/)
  })
})

describe('checks', () => {
  it('have ids of their own, and titles that are sentences without a full stop', () => {
    expect(new Set(checks.map(({ id }) => id)).size).toBe(checks.length)
    expect(checks.filter(({ id }) => !/^[CPBVSOD]\d\d$/.test(id))).toEqual([])
    expect(checks.filter(({ title }) => /\.$/.test(title)).map(({ id }) => id)).toEqual([])
  })

  it('are as many as the page says', () => {
    expect(page).toContain(`${checks.length} checks`)
  })
})
