import { writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import type { TokenKind } from '../conformance/check.ts'
import { checks } from '../conformance/checks/index.ts'
import { hello } from '../conformance/messages.ts'
import { resultsJson } from '../conformance/report/json.ts'
import { resultsJunit } from '../conformance/report/junit.ts'
import { resultText, summaryText } from '../conformance/report/text.ts'
import { chooseChecks, runChecks } from '../conformance/run.ts'
import { createTarget } from '../conformance/target.ts'
import { endpointUrl } from './endpoint-url.ts'
import { EXIT } from './exit.ts'

interface ConformanceOptions {
  only?: string[]
  anonymous?: string[]
  tokenStdin?: boolean
  tokenEnv?: string
  lowScopeTokenEnv?: string
  otherAudienceTokenEnv?: string
  tool?: string
  own?: boolean
  json?: boolean
  junit?: string
}

const usage = { exitCode: EXIT.usage }

const HELP = `
Examples:
  idplug conformance https://mcp.example.com/mcp     needs no token
  idplug conformance URL --only 'C*,P01'             some of the checks
  idplug conformance URL --anonymous initialize,tools/list
                                                     methods open to everybody
  idplug conformance URL --token-stdin < token       with a token of yours
  idplug conformance URL --junit results.xml         for CI

Exit codes: 0 every MUST is met, 1 one is not or the server cannot be reached,
2 wrong arguments. What is checked, and why: docs/conformance/README.md`

export function registerConformance(program: Command): void {
  program
    .command('conformance')
    .description('check that an MCP server protects itself as the specifications say')
    .argument('<url>', 'URL of the MCP endpoint', endpointUrl)
    .option('--only <ids>', 'checks to run: C01,P*', list)
    .option('--anonymous <methods>', 'JSON-RPC methods that need no token', list)
    .option('--token-stdin', 'read a token that the server accepts from stdin')
    .option('--token-env <name>', 'the same, from an environment variable')
    .option('--low-scope-token-env <name>', 'variable with a token not enough for --tool')
    .option('--other-audience-token-env <name>', 'variable with a token for another server')
    .option('--tool <name>', 'a tool that the low-scope token may not call')
    .option('--own', 'the server is yours: send many and large requests\n(default: for a server on this machine)')
    .option('--json', 'print the results as JSON')
    .option('--junit <file>', 'write the results as JUnit XML as well')
    .addHelpText('after', HELP)
    .action(async (url: string, options: ConformanceOptions, command: Command) => {
      process.exitCode = await conformance(url, options, command)
    })
}

async function conformance(url: string, options: ConformanceOptions, command: Command): Promise<number> {
  const { chosen, unknown } = chooseChecks(checks, options.only ?? [])
  if (unknown.length > 0) command.error(`error: --only names no check: ${unknown.join(', ')}`, usage)
  const tokens = await readTokens(options, command)
  const { tool, anonymous: openMethods, own: isOwn } = options
  const target = createTarget(url, { tokens, tool, openMethods, isOwn })

  const first = await target.call(hello('2025-11-25'))
  if (first.status === 0) {
    console.error(`error: ${url} cannot be reached: ${first.failure}`)
    return EXIT.found
  }
  const results = await runChecks(target, chosen, result => {
    if (!options.json) console.log(resultText(result))
  })
  if (options.junit !== undefined) await writeFile(options.junit, resultsJunit(url, results))
  console.log(options.json ? JSON.stringify(resultsJson(url, results), null, 2) : `\n${summaryText(results)}`)
  return results.some(({ verdict }) => verdict === 'fail') ? EXIT.found : EXIT.fine
}

async function readTokens(
  { tokenStdin, tokenEnv, lowScopeTokenEnv, otherAudienceTokenEnv }: ConformanceOptions,
  command: Command,
): Promise<Partial<Record<TokenKind, string>>> {
  if (tokenStdin && tokenEnv) command.error('error: --token-stdin and --token-env are both given; keep one', usage)
  const read = (name: string) => {
    const value = process.env[name]?.trim()
    if (!value) command.error(`error: the variable ${name} is not set`, usage)
    return value
  }
  const token = tokenStdin ? (await text(process.stdin)).trim() : tokenEnv && read(tokenEnv)
  return {
    ...(token && { token }),
    ...(lowScopeTokenEnv && { 'low-scope-token': read(lowScopeTokenEnv) }),
    ...(otherAudienceTokenEnv && { 'other-audience-token': read(otherAudienceTokenEnv) }),
  }
}

function list(value: string): string[] {
  return value.split(/[\s,]+/).filter(Boolean)
}
